// Elements. Text from elsewhere goes in as text and nothing else: a name is never read as HTML.

import {UNKNOWN} from "./format.js";

export const byId = id => document.getElementById(id);

export function make(tag, className = "", ...children) {
	const element = document.createElement(tag);
	if (className)
		element.className = className;
	element.append(...children);
	return element;
}

// Writes only what is different, so that a page at rest costs no layout.
export function setText(element, text) {
	if (element.textContent !== text)
		element.textContent = text;
}

// null removes the attribute.
export function setAttribute(element, name, value) {
	if (value === null)
		element.removeAttribute(name);
	else if (element.getAttribute(name) !== String(value))
		element.setAttribute(name, value);
}

export function setBadge(element, quality, text) {
	setAttribute(element, "data-quality", quality);
	setText(element, text);
}

// A number, or the word for why there is none.
export function setNumber(element, value, format, instead = UNKNOWN) {
	setText(element, value === null ? instead : format(value));
	setAttribute(element, "data-unknown", value === null ? "" : null);
}

// Makes the children of `parent` those of `items`, in that order. Children live on under the same
// key; only those out of place are moved, and the focus stays where it was.
export class List {
	constructor(parent, key, create, update, before = null) {
		Object.assign(this, {parent, key, create, update, before});
		this.rows = new Map();
	}

	show(items) {
		const rows = new Map(), focus = document.activeElement;
		for (const item of items) {
			const key = this.key(item);
			rows.set(key, this.rows.get(key) ?? this.create(item));
		}
		for (const [key, row] of this.rows) {
			if (rows.has(key))
				continue;
			row.element.remove();
			row.close?.();
		}
		this.rows = rows;
		let place = this.before ? this.before.nextSibling : this.parent.firstChild;
		for (const item of items) {
			const row = rows.get(this.key(item));
			this.update(row, item);
			if (row.element === place)
				place = place.nextSibling;
			else
				this.parent.insertBefore(row.element, place);
		}
		if (focus !== document.activeElement && focus?.isConnected)
			focus.focus({preventScroll: true});
	}
}
