// What the page knows: the latest documents of /api/v1, how old they are, and the lag of the last
// minutes, by the server's history at first and by what was polled since. Shows nothing.

export const SPAN_MS = 10 * 60 * 1000;

const POLL_MS = 2000, POLL_MAX_MS = 10000, HIDDEN_MS = 15000, TIMEOUT_MS = 8000;

// More often than so a snapshot adds no point.
const SPACING_MS = 1900;

function forget(points, before) {
	let old = 0;
	while (old + 1 < points.length && points[old + 1][0] < before)
		old++;
	if (old)
		points.splice(0, old);
}

function note(points, t, value) {
	const last = points[points.length - 1];
	if (last && t - last[0] < SPACING_MS)
		return;
	points.push([t, value]);
	forget(points, t - SPAN_MS);
}

// Why a document is not here. `status` is that of the answer, null: there was no answer.
class Trouble extends Error {
	constructor(message, status = null) {
		super(message);
		this.status = status;
	}
}

function parse(text) {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

// Errors of the API are JSON, those of the web server below it a line of text. What something between
// here and hexlag makes of them, a page of HTML say, is not for this place.
function reason(answer, text) {
	const error = parse(text)?.error;
	if (typeof error === "string")
		return error;
	const plain = answer.headers.get("Content-Type")?.startsWith("text/plain");
	return plain && text.trim() || answer.statusText || "no reason given";
}

export class Model extends EventTarget {
	lag = null;        // of /api/v1/lag
	decisions = null;  // of /api/v1/decisions; null where no scaler runs
	error = null;      // why the last poll failed, as a rule a Trouble; null: it did not
	opened = null;     // the group whose partitions are wanted
	detail = null;     // of /api/v1/groups/; null: not here yet
	detailError = null;
	total = [];
	groups = new Map();   // name: points
	replicas = new Map(); // target: points

	#etag = null;
	#received = 0;     // performance.now() of `lag`
	#interval = 0;     // the longest time between two snapshots, of late
	#timer = null;
	#asking = false;
	#gap = true;       // the history is to be read

	start() {
		document.addEventListener("visibilitychange", () => document.hidden || this.poll());
		this.poll();
	}

	open(group) {
		this.opened = group;
		this.detail = this.detailError = null;
		if (group !== null)
			this.#readDetail().then(() => this.#tell());
	}

	// Whether Kafka has ever told hexlag anything. Until then nothing is known, not even that there
	// are no groups.
	answered() {
		return this.lag !== null && this.lag.kafka.answered_age_ms !== null;
	}

	// How long ago Kafka told what is shown, in ms; null: it never did.
	age() {
		const {kafka, snapshot} = this.lag;
		const age = kafka.reachable ? snapshot.age_ms : kafka.answered_age_ms;
		return age === null ? null : age + performance.now() - this.#received;
	}

	// The server's clock; it need not agree with the one here.
	now() {
		if (!this.lag)
			return Date.now();
		const {timestamp_ms, age_ms} = this.lag.snapshot;
		return timestamp_ms + age_ms + performance.now() - this.#received;
	}

	// Older than what regular cycles explain.
	stale() {
		return this.age() > Math.max(15000, 3 * this.#interval + 5000);
	}

	firstTime() {
		return this.total.length ? this.total[0][0] : this.now();
	}

	points(group) {
		return this.groups.get(group) ?? [];
	}

	// What the lag has changed by in a minute, from the points of the last one; null: not known.
	change(group) {
		const points = this.points(group), last = points[points.length - 1];
		if (!last || last[1] === null)
			return null;
		const first = points.find(([t, v]) => t >= last[0] - 60000 && v !== null);
		const span = last[0] - first[0];
		return span < 15000 ? null : Math.round((last[1] - first[1]) * 60000 / span);
	}

	async poll() {
		if (this.#asking)
			return;
		this.#asking = true;
		clearTimeout(this.#timer);
		const began = performance.now();
		try {
			await this.#readAll();
			this.error = null;
		} catch (error) {
			this.error = error;
			if (!(error instanceof Trouble))
				console.error(error);
		}
		this.#asking = false;
		this.#tell();
		// A large answer over a slow line is asked for less often.
		const wait = Math.min(POLL_MAX_MS, Math.max(POLL_MS, 5 * (performance.now() - began)));
		this.#timer = setTimeout(() => this.poll(), document.hidden ? HIDDEN_MS : wait);
	}

	#tell() {
		this.dispatchEvent(new Event("change"));
	}

	// The document and its tag; the document is null where the tag that was sent is still that of it.
	// fetch() says no more than that it failed, each browser in its own words.
	async #get(path, headers = {}) {
		let answer, text;
		try {
			answer = await fetch(path, {cache: "no-store", headers,
				signal: AbortSignal.timeout(TIMEOUT_MS)});
			text = await answer.text();
		} catch (error) {
			throw new Trouble(error.name === "TimeoutError" ? `nothing within ${TIMEOUT_MS / 1000} s`
				: "no connection");
		}
		const unchanged = answer.status === 304, body = answer.ok ? parse(text) : null;
		if (!answer.ok && !unchanged)
			throw new Trouble(reason(answer, text), answer.status);
		if (!unchanged && body === null)
			throw new Trouble("this is not JSON", answer.status);
		return {body, etag: answer.headers.get("ETag")};
	}

	async #json(path) {
		return (await this.#get(path)).body;
	}

	async #readAll() {
		const {body, etag} = await this.#get("api/v1/lag",
			this.#etag ? {"If-None-Match": this.#etag} : {});
		if (body)
			await this.#take(body, etag);
		await Promise.all([this.#readDecisions(), this.#readDetail()]);
	}

	async #take(body, etag) {
		const before = this.lag;
		const passed = before ? body.snapshot.timestamp_ms - before.snapshot.timestamp_ms : 0;
		this.#interval = Math.max(0.9 * this.#interval, passed);
		this.lag = body;
		this.#received = performance.now();
		// Anew after a pause or a restart of the server, too.
		this.#gap ||= body.snapshot.seq < before.snapshot.seq || passed > 30000;
		if (this.#gap)
			await this.#readHistory();
		this.#gap = false;
		this.#note();
		this.#etag = etag; // not before all of it is here
	}

	#note() {
		const now = this.lag.snapshot.timestamp_ms, seen = new Set();
		for (const group of this.lag.groups) {
			seen.add(group.group);
			if (!this.groups.has(group.group))
				this.groups.set(group.group, []);
			note(this.groups.get(group.group), now, group.lag);
		}
		for (const name of this.groups.keys())
			if (!seen.has(name))
				this.groups.delete(name);
		note(this.total, now, this.lag.lag);
	}

	// Every group has the last of the times.
	async #readHistory() {
		const history = await this.#json("api/v1/history");
		const sums = history.times_ms.map(() => null);
		this.groups.clear();
		for (const {group, lag} of history.groups) {
			const from = history.times_ms.length - lag.length;
			this.groups.set(group, lag.map((value, i) => [history.times_ms[from + i], value]));
			lag.forEach((value, i) => {
				if (value !== null)
					sums[from + i] += value;
			});
		}
		this.total = sums.map((value, i) => [history.times_ms[i], value]);
	}

	async #readDecisions() {
		const decisions = await this.#json("api/v1/decisions");
		this.decisions = decisions.running ? decisions : null;
		for (const rule of decisions.rules) {
			if (!this.replicas.has(rule.target))
				this.replicas.set(rule.target, []);
			note(this.replicas.get(rule.target), this.now(), rule.replicas);
		}
	}

	async #readDetail() {
		const group = this.opened;
		if (group === null)
			return;
		let detail = null, problem = null;
		try {
			detail = await this.#json(`api/v1/groups/${encodeURIComponent(group)}`);
		} catch (error) {
			problem = error.message;
		}
		if (this.opened !== group)
			return;
		this.detail = detail ?? this.detail;
		this.detailError = problem;
	}
}
