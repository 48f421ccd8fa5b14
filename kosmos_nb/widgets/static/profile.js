const bar = (computing, waiting) => {
  const paths = [], c = Math.max(1, computing * 119), start = computing > 0.0005 ? c + 0.5 : 0.5;
  if (computing > 0.0005) paths.push({ d: `M0 0h${c}v10h${-c}z`, class: "k-cpu", fill: INK });
  if (waiting > 0.0005) {
    const w = Math.max(1, waiting * 119 - 0.5);
    paths.push({ d: `M${start} .5h${w}v9h${-w}z`, class: "k-wait", fill: INK, "fill-opacity": 0.2, stroke: INK });
  }
  return svg(120, 10, "", ...paths);
};
const number = (text, key) => h("td", { class: "k-n", "data-k": key || null }, text);
const line = ([first, source, place, computing, waiting, time, share, waits, ...more], names) =>
  h("tr", { class: "k-l" },
    first === null ? null : number(first),
    h("td", { class: "k-src" }, source, place ? h("span", { class: "k-soft" }, ` ${place}`) : null),
    h("td", { class: "k-b" }, bar(computing, waiting), " ", h("span", {}, time)),
    number(share), number(waits, "off CPU"), ...more.map((text, i) => number(text, names[i])));

let chosen = 0; // one module per model: the tab outlives a view that is drawn anew
function render({ model, el }) {
  const data = model.get("data");
  const id = `kosmos-${Math.random().toString(36).slice(2)}`;
  const tabs = data.tabs.map((tab, i) => h("button", { type: "button", role: "tab", id: `${id}-t${i}`, "aria-controls": `${id}-p${i}` }, tab.name));
  const panels = data.tabs.map((tab, i) => {
    const head = tab.head.map(([name, numeric]) => h("th", { scope: "col", class: numeric ? "k-n" : null }, name));
    const more = tab.head.slice(tab.rows.length && tab.rows[0][0] === null ? 4 : 5).map(([name]) => name);
    return h("div", { role: "tabpanel", id: `${id}-p${i}`, "aria-labelledby": `${id}-t${i}`, tabindex: 0 },
      h("table", {}, h("thead", { class: "k-h" }, h("tr", {}, ...head)), h("tbody", {}, ...tab.rows.map((row) => line(row, more)))),
      tab.shown ? h("p", { class: "k-soft" }, tab.shown) : null);
  });
  const choose = (i, focus) => {
    chosen = i;
    tabs.forEach((tab, j) => { tab.setAttribute("aria-selected", String(i === j)); tab.tabIndex = i === j ? 0 : -1; });
    panels.forEach((panel, j) => { panel.hidden = i !== j; });
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
  const spark = data.spark ? h("div", { class: "k-big" },
    svg(110, 26, data.spark[1], { d: data.spark[0], fill: "none", stroke: INK, "stroke-width": 1.5 }), " ", h("span", {}, data.spark[1])) : null;
  const [first, ...others] = data.reading;
  const legend = tabs.length ? h("span", {}, svg(11, 10, "", { d: "M0 0h10v10h-10z", class: "k-cpu", fill: INK }), " computing ",
    svg(11, 10, "", { d: "M.5 .5h9v9h-9z", class: "k-wait", fill: INK, "fill-opacity": 0.2, stroke: INK }), " off CPU") : null;
  el.append(h("div", { class: "kosmos-view k-profile", "data-kosmos": "profile" },
    h("div", { class: "k-top" }, h("h3", { class: "k-title" }, data.title), ...big(data.big), spark),
    data.failure ? h("p", { class: "k-bad" }, h("b", {}, `✗ ${data.failure}`)) : null,
    h("p", {}, h("b", {}, first), ...others.map((other) => ` ${other}`)),
    tabs.length ? h("div", { class: "k-tabs", role: "tablist", "aria-label": "parts of the profile" }, ...tabs) : null,
    ...panels, facts("Clocks, memory and I/O", data.facts), notes(data.notes),
    h("div", { class: "k-foot" }, legend, " ", h("span", {}, data.foot))));
  if (tabs.length) choose(Math.min(chosen, tabs.length - 1));
}
export default { render };
