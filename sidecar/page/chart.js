// Charts of [time, value] points as SVG. A value of null is a gap: unknown is never drawn as zero.

import {count, ago} from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

// Room for a label of the time axis; none is longer than that of 9 min 30 s.
const LABEL_WIDTH = 90;

export function svg(name, attributes = {}) {
	const element = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes))
		element.setAttribute(key, value);
	return element;
}

// The points after `from`, and the one before them, so that a line comes from the left edge. Where
// there are more than `room`, the largest of each bucket stands for it: no peak is lost.
function visible(points, from, room) {
	let first = points.findIndex(([t]) => t >= from);
	if (first < 0)
		first = points.length;
	const seen = points.slice(Math.max(0, first - 1));
	const size = Math.ceil(seen.length / room);
	if (size <= 1)
		return seen;
	const thin = [];
	for (let i = 0; i < seen.length; i += size) {
		const bucket = seen.slice(i, i + size);
		const known = bucket.filter(([, v]) => v !== null);
		thin.push(known.length ? known.reduce((a, b) => b[1] > a[1] ? b : a) : bucket[0]);
	}
	const last = seen[seen.length - 1];
	if (thin[thin.length - 1] !== last)
		thin.push(last);
	return thin;
}

// Path data of the line, and of the area under it; `stepped` for values that jump.
function paths(points, x, y, floor, stepped) {
	let line = "", area = "", start = null, last = null;
	const close = () => {
		if (start !== null)
			area += `L${last} ${floor}L${start} ${floor}Z`;
		start = null;
	};
	for (const [t, v] of points) {
		if (v === null) {
			close();
			continue;
		}
		const px = x(t).toFixed(1), py = y(v).toFixed(1);
		const step = start === null ? `M${px} ${py}` : stepped ? `H${px}V${py}` : `L${px} ${py}`;
		line += step;
		area += step;
		if (start === null)
			start = px;
		last = px;
	}
	close();
	return {line, area};
}

// The left edge of all charts: the whole window once there is history of it, less before.
export function windowStart(first, now, span) {
	return Math.max(now - span, Math.min(first, now - 20000));
}

function scale(points, box, from, now) {
	const most = points.reduce((max, [, v]) => v > max ? v : max, 0);
	return {
		most,
		x: t => box.left + Math.max(0, (t - from) / (now - from)) * (box.right - box.left),
		y: top => v => box.bottom - v / top * (box.bottom - box.top),
	};
}

// A line without axes. `element` is kept; draw() changes only what is different.
export class Spark {
	constructor(width, height, stepped = false) {
		this.width = width;
		this.height = height;
		this.stepped = stepped;
		this.element = svg("svg", {class: "chart", viewBox: `0 0 ${width} ${height}`,
			preserveAspectRatio: "none", "aria-hidden": "true"});
		this.area = svg("path", {class: "chart-area"});
		this.line = svg("path", {class: "chart-line", "vector-effect": "non-scaling-stroke"});
		this.element.append(this.area, this.line);
	}

	draw(points, from, now) {
		const seen = visible(points, from, 90);
		const box = {left: 0, right: this.width, top: 2, bottom: this.height - 2};
		const {most, x, y} = scale(seen, box, from, now);
		const {line, area} = paths(seen, x, y(most || 1), box.bottom, this.stepped);
		if (line === this.drawn)
			return;
		this.drawn = line;
		this.line.setAttribute("d", line);
		this.area.setAttribute("d", area);
	}
}

// 1, 2 or 5 times a power of ten, so that about `steps` of them reach `most`.
function niceStep(most, steps) {
	const raw = Math.max(most, 1) / steps, power = 10 ** Math.floor(Math.log10(raw));
	return Math.max(1, [1, 2, 5, 10].find(n => n * power >= raw) * power);
}

// A chart with axes that tells the value under the pointer.
export class Chart {
	constructor(name) {
		this.name = name;
		this.element = document.createElement("div");
		this.element.className = "detail-chart";
		this.svg = svg("svg", {class: "chart", role: "img"});
		this.tip = document.createElement("div");
		this.tip.className = "chart-tip";
		this.tip.hidden = true;
		this.element.append(this.svg, this.tip);
		this.points = [];
		this.resized = new ResizeObserver(() => this.redraw());
		this.resized.observe(this.element);
		this.element.addEventListener("pointermove", event => this.point(event.offsetX));
		this.element.addEventListener("pointerleave", () => this.point(null));
	}

	draw(points, from, now) {
		Object.assign(this, {points, from, now});
		this.redraw();
	}

	redraw() {
		const width = this.element.clientWidth, height = this.element.clientHeight;
		if (!width || !this.now)
			return;
		const seen = visible(this.points, this.from, Math.max(60, width / 2));
		const step = niceStep(Math.max(...seen.map(([, v]) => v ?? 0), 1), 4);
		const top = step * Math.max(1, Math.ceil(Math.max(...seen.map(([, v]) => v ?? 0), 1) / step));
		const label = 12 + 7.2 * count(top).length;
		const box = {left: label, right: width - 14, top: 14, bottom: height - 24};
		const {x, y} = scale(seen, box, this.from, this.now);
		const place = y(top);
		const {line, area} = paths(seen, x, place, box.bottom, false);
		this.seen = seen;
		this.place = {x, y: place, box};
		this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
		this.svg.replaceChildren(...this.grid(step, top, place, box), ...this.times(x, box),
			svg("path", {class: "chart-area", d: area}),
			svg("path", {class: "chart-line", d: line}));
		this.cursor = svg("line", {class: "chart-cursor", y1: box.top, y2: box.bottom});
		this.dot = svg("circle", {class: "chart-dot", r: 4.5});
		this.svg.append(this.cursor, this.dot);
		this.describe(seen);
		this.point(this.at ?? null);
	}

	grid(step, top, y, box) {
		const marks = [];
		for (let v = 0; v <= top; v += step) {
			const text = svg("text", {class: "chart-text", x: box.left - 8, y: y(v) + 4,
				"text-anchor": "end"});
			text.textContent = count(v);
			marks.push(svg("line", {class: "chart-grid", x1: box.left, x2: box.right, y1: y(v),
				y2: y(v)}), text);
		}
		return marks;
	}

	times(x, box) {
		const span = this.now - this.from, minute = 60000;
		const most = (box.right - box.left) / LABEL_WIDTH;
		const step = [5000, 15000, 30000, minute, 2 * minute, 5 * minute, 10 * minute]
			.find(step => span / step < most);
		const marks = [];
		for (let back = 0; back <= span; back += step) {
			if (back && x(this.now - back) < box.left + 16)
				break;
			const text = svg("text", {class: "chart-text", x: x(this.now - back), y: box.bottom + 17,
				"text-anchor": back ? "middle" : "end"});
			text.textContent = back ? "\u2212" + ago(back) : "now";
			marks.push(text);
		}
		return marks;
	}

	describe(seen) {
		const known = seen.map(([, v]) => v).filter(v => v !== null);
		this.svg.setAttribute("aria-label", known.length
			? `${this.name} over the last ${ago(this.now - this.from)}: ` +
				`least ${count(Math.min(...known))}, most ${count(Math.max(...known))}, ` +
				`last ${count(known[known.length - 1])}`
			: `${this.name}: nothing known yet`);
	}

	point(at) {
		this.at = at;
		const {x, y, box} = this.place ?? {};
		const known = (this.seen ?? []).filter(([, v]) => v !== null);
		const shown = at !== null && box !== undefined && known.length > 0;
		this.tip.hidden = !shown;
		for (const mark of [this.cursor, this.dot].filter(Boolean))
			mark.setAttribute("visibility", shown ? "visible" : "hidden");
		if (!shown)
			return;
		const [t, v] = known.reduce((a, b) => Math.abs(x(b[0]) - at) < Math.abs(x(a[0]) - at) ? b : a);
		this.cursor.setAttribute("x1", x(t));
		this.cursor.setAttribute("x2", x(t));
		this.dot.setAttribute("cx", x(t));
		this.dot.setAttribute("cy", y(v));
		this.tip.textContent = `${count(v)} at ${new Date(t).toLocaleTimeString()}`;
		this.tip.style.left = x(t) > box.right / 2 ? "auto" : `${x(t) + 10}px`;
		this.tip.style.right = x(t) > box.right / 2 ? `${this.element.clientWidth - x(t) + 10}px` : "auto";
	}

	close() {
		this.resized.disconnect();
	}
}
