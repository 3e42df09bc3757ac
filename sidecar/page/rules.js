// Replicas: a card for each rule of the scaler.

import {Spark, svg, windowStart} from "./chart.js";
import {List, byId, make, setAttribute, setBadge, setText} from "./dom.js";
import {UNKNOWN, ago, exact, plural} from "./format.js";
import {SPAN_MS} from "./model.js";

const CARDS = 12;

// How a reason is told. Those that are not here are all is well.
const REASONS = {
	LagUnknown: ["unknown", "lag unknown"],
	LagStale: ["stale", "lag stale"],
	LagPartial: ["partial", "lag partial"],
	ScalingDisabled: ["unknown", "switched off"],
	DesiredWithinRange: ["complete", "as wanted"],
	ScaleUp: ["complete", "scaling up"],
	ScaleDown: ["complete", "scaling down"],
	TooFewReplicas: ["complete", "at the minimum"],
	TooManyReplicas: ["partial", "at the maximum"],
	BackoffBoth: ["partial", "cooling down"],
	Contended: ["bad", "contended"],
	NotEffective: ["bad", "raising did not help"],
	Fallback: ["stale", "fallback: lag unknown"],
	Paused: ["unknown", "paused"],
	NotYetMeasured: ["unknown", "still measuring"],
	PartitionLimit: ["partial", "at the number of partitions"],
	RateNeeded: ["complete", "needed for the rate"],
	Rebalancing: ["partial", "waiting for a rebalance"],
	PodsNotReady: ["partial", "waiting for pods"],
	LoweredTooSoon: ["partial", "lowered too soon before"],
	Activated: ["complete", "woken by the first records"],
	ScaleToZero: ["complete", "idle, to zero"],
	ScaleUpStabilized: ["partial", "up: waiting for the window"],
	ScaleDownStabilized: ["partial", "down: waiting for the window"],
	ScaleUpLimit: ["partial", "up as fast as allowed"],
	ScaleDownLimit: ["partial", "down as fast as allowed"],
};

export class Rules {
	constructor(model) {
		this.model = model;
		this.all = false;
		this.list = new List(byId("rules"), rule => rule.target, () => this.create(),
			(card, rule) => this.update(card, rule));
		byId("more-rules").firstElementChild.addEventListener("click", () => {
			this.all = true;
			this.show();
		});
	}

	show() {
		const rules = this.model.decisions?.rules ?? [];
		byId("scaler").hidden = !this.model.decisions;
		this.now = this.model.now();
		this.list.show(this.all ? rules : rules.slice(0, CARDS));
		byId("more-rules").hidden = this.all || rules.length <= CARDS;
		setText(byId("more-rules").firstElementChild, `Show all ${exact(rules.length)}`);
	}

	create() {
		const card = {
			element: make("article", "rule"),
			name: make("h3", "name"),
			place: make("p", "rule-place muted name"),
			badge: make("span", "badge"),
			replicas: make("span", "figure"),
			want: make("span", "muted"),
			gauge: svg("svg", {class: "gauge", viewBox: "0 0 100 8", preserveAspectRatio: "none",
				"aria-hidden": "true"}),
			wanted: svg("rect", {class: "gauge-want", height: 8}),
			now: svg("rect", {class: "gauge-now", height: 8}),
			min: make("span"),
			max: make("span"),
			spark: new Spark(240, 40, true),
			detail: make("p", "rule-detail"),
			problem: make("p", "rule-problem"),
			write: make("p", "rule-write"),
		};
		card.gauge.append(svg("rect", {class: "gauge-room", width: 100, height: 8}), card.wanted,
			card.now);
		card.element.append(make("div", "rule-name", card.name, card.place), card.badge,
			make("p", "rule-size", card.replicas, card.want),
			make("div", "rule-chart", card.spark.element),
			card.gauge, make("p", "rule-ends muted", card.min, card.max),
			card.detail, card.problem, card.write);
		return card;
	}

	update(card, rule) {
		const [quality, text] = REASONS[rule.reason] ?? ["unknown", rule.reason ?? "no decision yet"];
		const known = rule.replicas !== null, changes = known && rule.wanted !== rule.replicas;
		const share = n => known ? 100 * Math.min(1, n / Math.max(1, rule.max)) : 0;
		setText(card.name, rule.name);
		setText(card.place, [rule.kind, rule.namespace && `in ${rule.namespace}`].filter(Boolean).join(" "));
		setBadge(card.badge, rule.problem ? "bad" : quality, rule.problem ? "cannot scale" : text);
		setText(card.replicas, known ? exact(rule.replicas) : UNKNOWN);
		setAttribute(card.replicas, "data-change", changes ? "" : null);
		setText(card.want, (!known ? "replicas" : changes ? `\u2192 ${exact(rule.wanted)} wanted`
			: rule.replicas === 1 ? "replica" : "replicas") + (rule.dry_run ? " (dry run)" : ""));
		setAttribute(card.now, "width", share(rule.replicas));
		setAttribute(card.wanted, "width", share(rule.wanted));
		setText(card.min, `min ${exact(rule.min)}`);
		setText(card.max, `max ${exact(rule.max)}`);
		setText(card.detail, rule.detail ?? "");
		setText(card.problem, rule.problem ?? rule.contended ?? "");
		card.problem.hidden = !rule.problem && !rule.contended;
		setText(card.write, this.written(rule));
		this.draw(card, rule);
	}

	written({last_write: write, writes}) {
		if (!write)
			return "Nothing written yet.";
		return `${write.dry_run ? "Would have written" : "Wrote"} ${exact(write.from)} \u2192 ` +
			`${exact(write.to)}, ${ago(write.age_ms)} ago; ${plural(writes, "write")} in all.`;
	}

	draw(card, rule) {
		const points = [...this.model.replicas.get(rule.target) ?? []];
		const first = points.length ? points[0][0] : this.now;
		if (this.now - first > 10000) // a size lasts; before, there is nothing to see
			points.push([this.now, rule.replicas]);
		else
			points.length = 0;
		card.spark.draw(points, windowStart(first, this.now, SPAN_MS), this.now);
	}
}
