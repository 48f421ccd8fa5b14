// One module per model: the chosen part outlives a view that is drawn anew.
let chosen = 0;
// Computing filled, waiting outlined, a lock striped, an await thin: not by colour alone.
const piece = (kind, x, w) => [
  { name: "rect", x, width: w, height: 10, class: "k-cpu" },
  { name: "rect", x: x + 0.5, y: 0.5, width: Math.max(0.5, w - 1), height: 9, class: "k-wait", fill: INK, "fill-opacity": 0.2, stroke: INK },
  { d: `M${x} 5h${w}`, class: "k-bad", fill: "none", stroke: INK, "stroke-width": 10, "stroke-dasharray": 2 },
  { d: `M${x} 5h${w}`, class: "k-wait", fill: "none", stroke: INK, "stroke-width": 3 },
][kind];
const bar = (parts) => {
  const pieces = [];
  let x = 0;
  parts.forEach((part, kind) => {
    if (part <= 0.0005) return;
    const w = Math.max(1, part * 119);
    pieces.push(piece(kind, x, w));
    x += w;
  });
  return svg(120, 10, "", ...pieces);
};
// A cell is a number as text, [words, place], or a bar: four parts and its text.
const cell = (value, name) => {
  if (typeof value === "string") return h("td", { class: "k-n", "data-k": value && name ? name : null }, value);
  if (value.length === 2) return h("td", { class: "k-src" }, value[0], value[1] ? h("span", { class: "k-soft" }, ` ${value[1]}`) : null);
  return h("td", { class: "k-b" }, value[4] ? bar(value.slice(0, 4)) : null, " ", h("span", {}, value[4]));
};
const table = ({ head, rows, shown }) => h("div", {},
  h("table", {}, h("thead", { class: "k-h" }, h("tr", {}, ...head.map(([name, numeric]) => h("th", { scope: "col", class: numeric ? "k-n" : null }, name)))),
    h("tbody", {}, ...rows.map((row) => h("tr", { class: "k-l" }, ...row.map((value, i) => cell(value, head[i][2] ? head[i][0] : "")))))),
  shown ? h("p", { class: "k-soft" }, shown) : null);
const compare = ({ says, changes, boxes }) => h("div", {}, ...says.map((text, i) => h("p", {}, i ? text : h("b", {}, text))),
  changes && changes.rows.length ? table(changes) : null, boxes ? flame(boxes) : null);
const timeline = ({ lines, size, end }) => h("div", { class: "k-times" }, ...lines.map(([path, words]) => {
  const curve = svg(...size, `${words} over ${end}`, { d: path, fill: "none", stroke: INK, "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" });
  curve.setAttribute("preserveAspectRatio", "none");
  return h("figure", {}, h("figcaption", {}, words), curve);
}), h("div", { class: "k-tools k-ends" }, h("span", {}, "0 s"), h("span", {}, end)));
const pairs = ({ rows }) => h("table", {}, h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((text) => h("td", {}, text))))));
const DRAWN = { table, flame, compare, timeline, pairs };

const view = (data) => {
  const { parts, first } = data, id = `kosmos-${Math.random().toString(36).slice(2)}`;
  const tabs = parts.slice(0, first).map((part, i) => h("button", { type: "button", role: "tab", id: `${id}-t${i}`, "aria-controls": `${id}-p${i}` }, part.name));
  const more = parts.length > first ? h("select", { class: "k-more", "aria-label": "more parts of the profile" },
    h("option", { value: "" }, "more"), ...parts.slice(first).map((part, i) => h("option", { value: String(first + i) }, part.name))) : null;
  const panels = parts.map((part, i) => h("div", { role: "tabpanel", id: `${id}-p${i}`, "aria-label": part.name, tabindex: 0, "data-part": part.name }));
  const choose = (i, focus) => {
    chosen = i;
    if (!panels[i].childElementCount) panels[i].append(DRAWN[parts[i].kind](parts[i])); // drawn when first looked at
    tabs.forEach((tab, j) => { tab.setAttribute("aria-selected", String(i === j)); tab.tabIndex = j === Math.min(i, first - 1) ? 0 : -1; });
    panels.forEach((panel, j) => { panel.hidden = i !== j; });
    if (more) { more.value = i < first ? "" : String(i); more.classList.toggle("k-chosen", i >= first); }
    if (focus) tabs[i].focus();
  };
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => choose(i));
    tab.addEventListener("keydown", (event) => {
      const n = tabs.length, to = { ArrowRight: (i + 1) % n, ArrowLeft: (i + n - 1) % n, Home: 0, End: n - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation(); // the notebook would take the key for a command
      choose(to, true);
    });
  });
  if (more) {
    more.addEventListener("change", () => choose(more.value === "" ? 0 : Number(more.value)));
    more.addEventListener("keydown", (event) => event.stopPropagation());
  }
  const [answer, ...others] = data.reading;
  const legend = h("span", {}, ...data.legend.flatMap(([kind, name]) => [svg(11, 10, "", piece(kind, 0, 10)), ` ${name} `]));
  if (parts.length) choose(Math.min(chosen, parts.length - 1));
  return h("div", { class: "kosmos-view k-profile", "data-kosmos": "profile" },
    h("div", { class: "k-top" }, h("h3", { class: "k-title" }, data.title), ...big(data.big)),
    data.failure ? h("p", { class: "k-bad" }, h("b", {}, `✗ ${data.failure}`)) : null,
    h("p", {}, h("b", {}, answer), ...others.map((other) => ` ${other}`)),
    data.standing ? h("p", { class: "k-standing" }, data.standing) : null,
    parts.length ? h("div", { class: "k-tabs" }, h("div", { role: "tablist", "aria-label": "parts of the profile" }, ...tabs), more) : null,
    ...panels, notes(data.notes),
    h("div", { class: "k-foot" }, legend, " ", h("span", {}, data.foot)));
};
function render({ model, el }) {
  const data = model.get("data"), draw = (all) => el.replaceChildren(view(all));
  draw(data);
  if (!data.cut) return;
  const heard = (message) => { if (message.whole) draw(message.whole); };
  model.on("msg:custom", heard);
  model.send("whole"); // the kernel answers when it is free; without one the short form stays
  return () => model.off("msg:custom", heard);
}
export default { render };
