// The table of groups: search, order, rows, and one group opened with its topics and partitions.

import {Chart, Spark, windowStart} from "./chart.js";
import {List, byId, make, setAttribute, setBadge, setNumber, setText} from "./dom.js";
import {UNKNOWN, ago, compact, count, exact, plural, words} from "./format.js";
import {SPAN_MS} from "./model.js";

// Rows at first, and more at each press of the button: a page of 1,000 groups has no reason to lay
// all of them out.
const ROWS = 100;

const QUALITIES = ["complete", "partial", "stale", "unknown"];
const LABELS = {complete: "fresh", partial: "partial", stale: "stale", unknown: "unknown"};

const compareText = new Intl.Collator("en", {numeric: true}).compare;

// What a column is sorted by, and in which direction first. Unknown (null) comes last in both.
const COLUMNS = {
	group: {of: group => group.group, down: false},
	lag: {of: group => group.lag, down: true},
	change: {of: (group, model) => model.change(group.group), down: true},
	state: {of: group => group.state, down: false},
	members: {of: group => group.members, down: true},
	data: {of: group => QUALITIES.indexOf(group.quality) * 1e12 + (group.age_ms ?? 0), down: true},
};

// Columns of the partitions.
const PARTS = [["Partition", "num"], ["Lag", "num part-lag"], ["Committed", "num part-at"],
	["End", "num col-end"], ["Start", "num col-start"], ["Owner", "owner"], ["Data", "part-data"]];

function compare(a, b) {
	return typeof a === "string" ? compareText(a, b) : a - b;
}

function lagText(group) {
	return group.commit_count === 0 && group.quality !== "unknown" ? "no commit" : UNKNOWN;
}

function setLag(element, item) {
	setNumber(element, item.lag, count, lagText(item));
}

// That nothing was read of a group does not mean that it reads nothing.
function partitionsText({quality, partition_count: all, commit_count: commits}) {
	if (quality === "unknown" && all === 0)
		return UNKNOWN;
	return exact(all) + (commits !== null && commits < all ? `, ${exact(commits)} with a commit` : "");
}

function shownName(name) {
	return name === "" ? "(empty name)" : name;
}

function setData(badge, old, item) {
	setBadge(badge, item.quality, LABELS[item.quality]);
	setText(old, item.age_ms ? ` ${ago(item.age_ms)} old` : "");
}

export class Groups {
	constructor(model) {
		this.model = model;
		this.sort = "lag";
		this.down = true;
		this.query = "";
		this.rows = ROWS;
		this.table = byId("table");
		this.list = new List(this.table, group => group.group, group => this.createRow(group),
			(row, group) => this.updateRow(row, group), this.table.tHead);
		this.listen();
	}

	listen() {
		const search = byId("search");
		search.addEventListener("input", () => {
			this.query = search.value.trim().toLowerCase();
			this.rows = ROWS;
			this.show();
		});
		search.addEventListener("keydown", event => {
			if (event.key === "Escape" && search.value) {
				search.value = "";
				search.dispatchEvent(new Event("input"));
				event.preventDefault();
			}
		});
		document.addEventListener("keydown", event => {
			const typing = event.target.closest?.("input, select, textarea");
			if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey)
				return;
			search.focus();
			search.select();
			event.preventDefault();
		});
		for (const head of this.table.tHead.querySelectorAll("[data-sort]"))
			head.firstElementChild.addEventListener("click", () => this.sortBy(head.dataset.sort));
		byId("sort").addEventListener("change", event => this.sortBy(event.target.value));
		byId("more").firstElementChild.addEventListener("click", () => {
			this.rows += ROWS;
			this.show();
		});
	}

	sortBy(column) {
		this.down = column === this.sort ? !this.down : COLUMNS[column].down;
		this.sort = column;
		for (const head of this.table.tHead.querySelectorAll("[data-sort]"))
			setAttribute(head, "aria-sort", head.dataset.sort !== column ? null
				: this.down ? "descending" : "ascending");
		byId("sort").value = column;
		this.show();
	}

	found() {
		const groups = this.model.lag.groups;
		return !this.query ? groups : groups.filter(group =>
			group.group.toLowerCase().includes(this.query) ||
			group.topics.some(topic => topic.topic.toLowerCase().includes(this.query)));
	}

	sorted(groups) {
		const {of} = COLUMNS[this.sort], sign = this.down ? -1 : 1;
		const keyed = groups.map(group => [of(group, this.model), group]);
		keyed.sort(([a, first], [b, second]) =>
			(a === null) - (b === null) ||
			(a !== null && sign * compare(a, b)) ||
			compareText(first.group, second.group));
		return keyed.map(([, group]) => group);
	}

	show() {
		if (!this.model.lag)
			return;
		const found = this.sorted(this.found()), rows = found.slice(0, this.rows);
		const opened = found.findIndex(group => group.group === this.model.opened);
		if (opened < 0 && this.model.opened !== null)
			this.model.open(null);
		else if (opened >= rows.length)
			rows.push(found[opened]); // what is being read does not go away
		this.now = this.model.now();
		this.from = windowStart(this.model.firstTime(), this.now, SPAN_MS);
		this.list.show(rows);
		this.showBelow(found.length, rows.length);
	}

	showBelow(found, shown) {
		const {groups, kafka} = this.model.lag, left = found - shown, more = byId("more");
		more.hidden = left <= 0;
		setText(more.firstElementChild, `Show ${exact(Math.min(left, ROWS))} more of ${exact(left)}`);
		setText(byId("shown"), this.query && groups.length
			? `${exact(found)} of ${exact(groups.length)} match` : "");
		byId("empty").hidden = found > 0;
		setText(byId("empty"), groups.length ? "No group and no topic has this in its name."
			: !this.model.answered() ? "Not read yet: Kafka has not answered."
			: kafka.error ? "No consumer group is known."
			: "Kafka has no consumer group.");
	}

	createRow(group) {
		const row = {
			element: make("tbody"),
			main: make("tr", "group"),
			opener: make("button", "opener"),
			name: make("span", "name"),
			topics: make("div", "topics"),
			error: make("div", "group-error"),
			lag: make("span", "lag"),
			behind: make("span", "old"),
			change: make("td", "col-change num"),
			trend: make("td", "col-trend"),
			spark: new Spark(200, 32),
			state: make("td", "col-state"),
			members: make("td", "col-members num"),
			badge: make("span", "badge"),
			old: make("span", "old"),
			close: () => row.detail?.close(),
		};
		const head = make("th", "col-group", row.opener, row.topics, row.error);
		const frame = make("div", "trend", row.spark.element);
		head.scope = "row";
		row.opener.type = "button";
		row.opener.append(row.name);
		row.opener.addEventListener("click", () => this.toggle(group.group));
		row.name.textContent = shownName(group.group);
		row.trend.append(frame);
		row.main.append(head, make("td", "col-lag num", row.lag, row.behind), row.change, row.trend, row.state,
			row.members, make("td", "col-data", row.badge, row.old));
		row.element.append(row.main);
		return row;
	}

	updateRow(row, group) {
		const names = group.topics.map(topic => topic.topic), change = this.model.change(group.group);
		const match = this.query ? names.findIndex(name => name.toLowerCase().includes(this.query)) : -1;
		if (match > 0)
			names.unshift(...names.splice(match, 1));
		setText(row.topics, names.length > 3 ? `${names.slice(0, 2).join(", ")} +${names.length - 2}`
			: names.join(", "));
		row.error.hidden = !group.error;
		setText(row.error, group.error ?? "");
		setLag(row.lag, group);
		setText(row.behind, group.time_lag_ms ? `${ago(group.time_lag_ms)} behind` : "");
		setText(row.change, change === null ? "" : change === 0 ? "steady"
			: `${change > 0 ? "+" : "\u2212"}${compact(Math.abs(change))}/min`);
		row.change.classList.toggle("rising", change > 0);
		row.change.classList.toggle("falling", change < 0);
		row.change.classList.toggle("muted", change === 0);
		setText(row.state, group.state ? words(group.state) : UNKNOWN);
		row.state.classList.toggle("muted", !group.state);
		setNumber(row.members, group.members, exact);
		row.members.classList.toggle("muted", group.members === null);
		setData(row.badge, row.old, group);
		// Kafka's lag does not count them, so a lag of 0 alone would say too much.
		const without = group.commit_count === null ? 0 : group.partition_count - group.commit_count;
		if (without && group.commit_count && !group.age_ms)
			setText(row.old, `${exact(without)} of ${exact(group.partition_count)} without commit`);
		setAttribute(row.trend, "data-quality", group.quality);
		row.spark.draw(this.model.points(group.group), this.from, this.now);
		this.updateDetail(row, group);
	}

	toggle(name) {
		this.model.open(this.model.opened === name ? null : name);
		this.show();
	}

	updateDetail(row, group) {
		const open = this.model.opened === group.group;
		row.element.classList.toggle("open", open);
		setAttribute(row.opener, "aria-expanded", open);
		if (!open && row.detail) {
			row.detail.element.remove();
			row.detail.close();
			row.detail = null;
		}
		if (!open)
			return;
		if (!row.detail) {
			row.detail = new Detail(this.table.tHead.rows[0].cells.length);
			row.element.append(row.detail.element);
		}
		row.detail.show(this.model, group, this.from, this.now);
	}
}

// What is below the row of the opened group.
class Detail {
	constructor(columns) {
		this.facts = make("dl", "detail-facts");
		this.chart = new Chart("Lag");
		this.problem = make("p", "rule-problem");
		this.topics = make("div");
		const cell = make("td", "", this.facts, this.chart.element, this.problem, this.topics);
		cell.colSpan = columns;
		this.element = make("tr", "detail", cell);
		this.factList = new List(this.facts, ([name]) => name, ([name]) => this.createFact(name),
			(fact, [, value]) => setText(fact.value, value));
		this.topicList = new List(this.topics, topic => topic.topic, topic => this.createTopic(topic),
			(row, topic) => this.updateTopic(row, topic));
	}

	close() {
		this.chart.close();
	}

	show(model, group, from, now) {
		this.chart.draw(model.points(group.group), from, now);
		setAttribute(this.chart.element, "data-quality", group.quality);
		setText(this.problem, model.detailError ?? "");
		this.problem.hidden = !model.detailError;
		const detail = model.detail;
		this.factList.show([
			["Behind", group.time_lag_ms === null ? UNKNOWN : ago(group.time_lag_ms)],
			["State", group.state ? words(group.state) : UNKNOWN],
			["Members", group.members === null ? UNKNOWN : exact(group.members)],
			["Partitions", partitionsText(group)],
			["Coordinator", group.coordinator === null ? UNKNOWN : `broker ${group.coordinator}`],
		]);
		if (!detail)
			return;
		const topics = [...detail.topics];
		topics.sort((a, b) => (b.lag ?? -1) - (a.lag ?? -1) || compareText(a.topic, b.topic));
		this.open ??= topics.reduce((sum, t) => sum + t.partitions.length, 0) <= 64;
		this.topicList.show(topics);
	}

	createFact(name) {
		const value = make("dd");
		return {element: make("div", "", make("dt", "", name), value), value};
	}

	createTopic(topic) {
		const row = {
			element: make("details", "topic"),
			lag: make("span", "lag"),
			badge: make("span", "badge"),
			count: make("span", "muted"),
			body: make("tbody"),
		};
		const name = make("span", "name");
		const head = make("tr");
		for (const [text, className] of PARTS) {
			const cell = make("th", className, text);
			cell.scope = "col";
			head.append(cell);
		}
		const table = make("table", "parts", make("thead", "", head), row.body);
		name.textContent = topic.topic;
		row.element.append(make("summary", "", name, row.count, row.lag, row.badge), table);
		row.element.open = this.open;
		row.topic = topic;
		row.element.addEventListener("toggle", () => this.updateParts(row));
		row.parts = new List(row.body, part => part.partition, part => this.createPart(part),
			(line, part) => this.updatePart(line, part));
		return row;
	}

	updateTopic(row, topic) {
		row.topic = topic;
		setText(row.count, plural(topic.partitions.length, "partition"));
		setLag(row.lag, topic);
		setBadge(row.badge, topic.quality, LABELS[topic.quality]);
		this.updateParts(row);
	}

	updateParts(row) {
		row.parts.show(row.element.open ? row.topic.partitions : []);
	}

	createPart(part) {
		const cells = PARTS.map(([, className], i) => make(i ? "td" : "th", className));
		const line = {
			element: make("tr", "", ...cells),
			cells,
			badge: make("span", "badge"),
			old: make("span", "old"),
			client: make("span", "name"),
			host: make("small", "name"),
		};
		cells[0].scope = "row";
		cells[0].textContent = part.partition;
		cells[5].append(line.client, " ", line.host);
		cells[6].append(line.badge, line.old);
		return line;
	}

	updatePart({cells, badge, old, client, host}, part) {
		const none = part.age_ms === null ? UNKNOWN : "none";
		setNumber(cells[1], part.lag, exact, none === "none" && part.committed === null
			? "no commit" : UNKNOWN);
		setNumber(cells[2], part.committed, exact, none);
		setNumber(cells[3], part.end, exact);
		setNumber(cells[4], part.start, exact);
		setText(client, part.owner ? part.owner.client_id ?? part.owner.id : "\u2013");
		setText(host, part.owner?.host ?? "");
		setData(badge, old, {quality: part.fresh ? "complete" : part.age_ms === null ? "unknown"
			: "stale", age_ms: part.age_ms});
	}
}
