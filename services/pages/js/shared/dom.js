// Elements, made by code. Text is only ever text: nothing here parses HTML, so no name can become markup.

/**
 * An element. `attributes` are attributes; a function is a listener (`onclick`), `class` and `data-…` as in HTML, `true` an
 * empty attribute, and `false`, `null` and `undefined` none. Children are nodes, texts, lists of them, or nothing.
 */
export function h(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) set(node, key, value);
  node.append(...flat(children));
  return node;
}

/** Replaces what is in a node. */
export function put(node, ...children) {
  node.replaceChildren(...flat(children));
  return node;
}

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Sets one attribute, property or listener, as `h` does. */
export function set(node, key, value) {
  if (typeof value === 'function') node.addEventListener(key.replace(/^on/, ''), value);
  else if (value === false || value === null || value === undefined) node.removeAttribute(key);
  else if (key === 'value' || key === 'checked') node[key] = value;
  else node.setAttribute(key, value === true ? '' : String(value));
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
