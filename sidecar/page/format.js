// Numbers and times as people read them.

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});

export const UNKNOWN = "unknown";

// 12,345; from a hundred million on 123.5M.
export function count(n) {
	return Math.abs(n) < 1e8 ? whole.format(n) : short.format(n);
}

export function compact(n) {
	return Math.abs(n) < 10000 ? whole.format(n) : short.format(n);
}

export function exact(n) {
	return whole.format(n);
}

// A span: 0.4 s, 12 s, 3 min, 2 h 5 min, 3 d 4 h.
export function ago(ms) {
	const s = ms / 1000;
	if (s < 1)
		return `${Math.max(0, s).toFixed(1)} s`;
	if (s < 60)
		return `${Math.floor(s)} s`;
	const min = Math.floor(s / 60);
	if (min < 10 && Math.floor(s % 60))
		return `${min} min ${Math.floor(s % 60)} s`;
	if (min < 60)
		return `${min} min`;
	const h = Math.floor(min / 60);
	return h < 24 ? `${h} h ${min % 60} min` : `${Math.floor(h / 24)} d ${h % 24} h`;
}

export function plural(n, word) {
	return `${whole.format(n)} ${word}${n === 1 ? "" : "s"}`;
}

// "CompletingRebalance" as words.
export function words(name) {
	return name.replace(/([a-z])([A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`);
}
