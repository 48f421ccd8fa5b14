// Elements are made from text, never from markup: nothing a column is called can become code.
const h = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value === true) node.setAttribute(key, "");
    else if (value !== null && value !== false && value !== undefined) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
};
// Pictures are drawn from numbers only.
const svg = (width, height, label, ...paths) => {
  const make = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const named = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  const node = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, ...named });
  node.append(...paths.map(({ name = "path", ...attributes }) => make(name, attributes)));
  return node;
};
const INK = "currentColor";
const big = (pairs) => pairs.map(([value, label]) => h("div", { class: "k-big" }, h("b", {}, value), " ", h("span", {}, label)));
const notes = (lines) => (lines.length ? h("ul", { class: "k-notes" }, ...lines.map((line) => h("li", {}, line))) : null);
const facts = (title, rows) =>
  rows.length
    ? h("details", {}, h("summary", {}, title),
        h("table", {}, h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell)))))))
    : null;
