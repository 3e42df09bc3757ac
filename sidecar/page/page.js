// The page: what is at its head, and the parts below it. Everything shown is of the model.

import {Spark, windowStart} from "./chart.js";
import {byId, make, setAttribute, setBadge, setText} from "./dom.js";
import {UNKNOWN, ago, count, exact, plural} from "./format.js";
import {Groups} from "./groups.js";
import {Model, SPAN_MS} from "./model.js";
import {Rules} from "./rules.js";

const QUALITIES = {complete: "fresh", partial: "partial", stale: "stale", unknown: "unknown"};

// --- colours ---

const dark = matchMedia("(prefers-color-scheme: dark)");

// Where storage is forbidden the choice lasts as long as the page.
function stored(value) {
	try {
		if (value !== undefined)
			localStorage.setItem("theme", value);
		return localStorage.getItem("theme");
	} catch {
		return null;
	}
}

function showTheme(theme) {
	if (theme)
		document.documentElement.dataset.theme = theme;
	const isDark = theme ? theme === "dark" : dark.matches;
	setAttribute(byId("theme"), "aria-label", `Switch to the ${isDark ? "light" : "dark"} colours`);
	return isDark;
}

byId("theme").addEventListener("click", () => {
	const next = showTheme(document.documentElement.dataset.theme) ? "light" : "dark";
	stored(next);
	showTheme(next);
});
showTheme(["dark", "light"].includes(stored()) ? stored() : undefined);

// --- head and summary ---

const model = new Model(), groups = new Groups(model), rules = new Rules(model);
const total = new Spark(400, 84);
byId("total-chart").append(total.element);

const shares = Object.entries(QUALITIES).map(([quality, label]) => {
	const share = {badge: make("span", "badge", label), count: make("span", "", "\u2013"), quality};
	share.element = make("li", "", share.badge, share.count);
	share.badge.dataset.quality = quality;
	byId("shares").append(share.element);
	return share;
});

// Of 503 is what passes: hexlag has just been started, or has too much to do; or another replica has it.
function trouble({message, status}) {
	if (status === 503 && message.startsWith("standby"))
		return ["unknown", "standby", "This replica stands by: another one leads, and shows the lag."];
	if (status === null)
		return ["bad", "no answer", `hexlag does not answer: ${message}.`];
	if (status === undefined)
		return ["bad", "not understood", `What hexlag answers is not understood: ${message}.`];
	const why = `hexlag answers with status ${status}: ${message}.`;
	return status === 503 ? ["unknown", "not ready", why] : ["bad", "refused", why];
}

// The state of everything in a word, and why where it is not well.
function health() {
	const lag = model.lag;
	if (model.error)
		return trouble(model.error);
	if (!lag)
		return ["unknown", "connecting", ""];
	if (!lag.kafka.reachable)
		return ["bad", "Kafka unreachable",
			`Kafka does not answer: ${lag.kafka.error ?? "no reason known"}.`];
	if (model.stale())
		return ["stale", "stale", "hexlag has not read Kafka anew for long."];
	if (lag.quality.partial + lag.quality.stale + lag.quality.unknown)
		return ["partial", "partial", ""];
	return ["complete", "live", ""];
}

// Once a second: what changes by itself is the age.
function showAge() {
	const [quality, word, why] = health();
	setBadge(byId("health"), quality, word);
	const age = model.lag ? model.age() : null;
	setText(byId("age"), age !== null ? `read ${ago(age)} ago` : model.lag ? "never read" : "");
	byId("notice").hidden = !why;
	setText(byId("notice-text"), why);
	setText(byId("notice-age"), why && age !== null ? `Values are ${ago(age)} old.` : "");
	document.documentElement.classList.toggle("offline", model.error !== null && model.lag !== null);
	document.title = quality === "bad" || quality === "stale" ? `${word} \u2013 hexlag`
		: model.lag && model.lag.lag !== null ? `${count(model.lag.lag)} lag \u2013 hexlag` : "hexlag";
}

function tile(name, figure, note) {
	setText(byId(name), figure);
	setText(byId(`${name}-note`), note);
}

function showLag({lag, groups: all}) {
	const behind = all.filter(group => group.lag > 0).length;
	const missing = all.filter(group => group.lag === null && group.commit_count !== 0).length;
	tile("total", lag === null ? UNKNOWN : (missing ? "\u2265 " : "") + count(lag),
		missing ? `without ${plural(missing, "unknown group")}` : "messages");
	tile("group-count", exact(all.length),
		`${exact(behind)} behind${missing ? `, ${exact(missing)} unknown` : ""}`);
}

// Before Kafka has answered a count of 0 says nothing: it counts what nobody has looked for.
function showSummary(lag) {
	const {kafka, quality} = lag, asked = model.answered();
	const failed = kafka.brokers.filter(broker => broker.error);
	if (asked) {
		showLag(lag);
	} else {
		tile("total", UNKNOWN, "not read yet");
		tile("group-count", UNKNOWN, "not read yet");
	}
	for (const share of shares) {
		setText(share.count, asked ? exact(quality[share.quality]) : "\u2013");
		setAttribute(share.element, "data-none", asked && quality[share.quality] ? null : "");
	}
	tile("kafka", kafka.reachable ? "reachable" : "unreachable", !asked ? "brokers unknown"
		: plural(kafka.brokers.length, "broker") + (failed.length
			? `, ${failed.map(broker => broker.id).join(", ")} not answering` : ""));
	const now = model.now();
	total.draw(model.total, windowStart(model.firstTime(), now, SPAN_MS), now);
}

model.addEventListener("change", () => {
	showAge();
	if (!model.lag)
		return;
	showSummary(model.lag);
	rules.show();
	groups.show();
});
setInterval(showAge, 1000);
model.start();
