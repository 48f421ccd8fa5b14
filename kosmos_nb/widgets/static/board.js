const FIELDS = ["id", "statement", "state", "key", "group", "tone", "word", "doubt", "elapsed", "effect", "low", "high",
  "band", "numbers", "raw", "p_adj", "p", "n", "caveats", "reason"];
// One module per model: what the reader chose outlives a view that is drawn anew.
const kept = { filter: "", top: 0, cancelling: false };
const at = (effect) => ((Math.min(1, Math.max(-1, effect)) + 1) / 2) * 150;
const seconds = (s) => (s < 60 ? `${s.toFixed(1)} s` : `${Math.floor(s / 60)} min ${String(Math.floor(s % 60)).padStart(2, "0")} s`);

const forest = (row) => {
  const [left, right] = [at(-row.band), at(row.band)];
  const parts = [
    { d: `M${left} 0H${right}V16H${left}z`, class: "k-band", fill: INK, opacity: 0.2 },
    { d: "M75 0V16", class: "k-band", stroke: INK, opacity: 0.6 },
  ];
  if (row.low !== null && row.high !== null) {
    const [a, b] = [at(row.low), at(row.high)];
    parts.push({ d: `M${a} 8H${b}` + (b - a > 8 ? `M${a} 5v6M${b} 5v6` : ""), stroke: INK, "stroke-width": 2 });
  }
  parts.push({ name: "circle", cx: at(row.effect), cy: 8, r: 3.6, fill: INK });
  const picture = svg(150, 16, `effect ${row.numbers}`, ...parts);
  picture.setAttribute("class", "k-forest");
  return picture;
};

const cells = (row) => {
  const why = row.caveats || row.reason
    ? h("div", { class: "k-why" }, row.caveats ? h("i", {}, row.caveats) : null,
        row.caveats && row.reason ? " · " : null, row.reason)
    : null;
  const tone = `k-${row.tone}`;
  return [
    h("td", { class: "k-s" }, h("small", { class: "k-soft" }, row.id), " ", row.statement, why),
    h("td", { class: `k-v ${tone}` }, row.word, row.doubt ? h("small", {}, "with caveats") : null, row.elapsed === null ? null : h("span", { class: "k-elapsed" })),
    h("td", { class: `k-f ${tone}` }, ...(row.effect === null ? [] : [forest(row), h("small", {}, row.numbers)])),
    h("td", { class: "k-n k-u", "data-k": "in units" }, row.raw),
    h("td", { class: "k-n", "data-k": "p" }, row.p_adj, row.p ? " " : null, row.p ? h("small", {}, `raw ${row.p}`) : null),
    h("td", { class: "k-n", "data-k": "n" }, row.n),
  ];
};

const axis = () => h("div", { class: "k-axis", "aria-hidden": "true" }, ...["−1", "−0.5", "0", "+0.5", "+1"].map((t) => h("span", {}, t)));

function render({ model, el }) {
  const made = new Map();   // hypothesis id -> {tr, json, row, at}
  const headings = new Map();
  const title = h("h3"), data = h("p", { class: "k-soft" }), done = h("b"), status = h("span");
  const fill = h("i"), bar = h("div", { class: "k-progress", role: "progressbar", "aria-label": "hypotheses tested", "aria-valuemin": 0 }, fill);
  const button = h("button", { type: "button", class: "k-button" }, "Cancel");
  const note = h("span", { class: "k-soft k-note" });
  const act = h("div", { class: "k-act" }, button, note);
  const spoken = h("div", { class: "k-spoken", "aria-live": "polite" });
  const answer = h("b"), error = h("p", { class: "k-bad" }), chips = h("div", { class: "k-chips", role: "group", "aria-label": "filter by verdict or state" });
  const shown = h("span", { class: "k-soft" }), body = h("tbody"), end = h("div");
  const head = ["verdict", null, "in units", "p, corrected", "n"].map((name, i) =>
    h("th", { scope: "col", class: name === null ? "k-f" : i > 1 ? "k-n" : null }, name ?? "effect, 95 % interval", name === null ? axis() : null));
  const table = h("table", {}, h("thead", { class: "k-h" }, h("tr", {}, h("th", { scope: "col" }, "hypothesis, caveats, reason"), ...head)), body);
  const scroll = h("div", { class: "k-scroll", tabindex: "0", role: "region", "aria-label": "hypotheses" }, table);
  const answered = h("p", {}, answer);
  const root = h("div", { class: "kosmos-view k-run", "data-kosmos": "board" },
    h("div", { class: "k-top" }, h("div", { class: "k-title" }, title, data), h("div", { class: "k-big" }, done, " ", status), act),
    bar, error, answered, h("div", { class: "k-line" }, chips, shown), scroll, end, spoken);
  el.append(root);

  const filterRows = () => {
    for (const one of made.values()) one.tr.hidden = kept.filter !== "" && one.row.key !== kept.filter;
    for (const [group, tr] of headings) tr.hidden = ![...made.values()].some((one) => one.row.group === group && !one.tr.hidden);
  };
  const choose = (key) => { kept.filter = kept.filter === key ? "" : key; drawChips(model.get("head")); filterRows(); };
  const chipsByKey = new Map();
  function drawChips(state) {
    const keys = [["", "all", state.total], ...state.counts];
    if (!keys.some(([key]) => key === kept.filter)) keys.push([kept.filter, kept.filter, 0]);
    keys.forEach(([key, word, count], place) => {
      if (!chipsByKey.has(key)) {
        const chip = h("button", { type: "button", class: "k-chip", "data-filter": key });
        chip.addEventListener("click", () => choose(key));
        chipsByKey.set(key, chip);
      }
      const chip = chipsByKey.get(key);
      chip.textContent = `${word.replace("_", " ")} ${count}`;
      chip.setAttribute("aria-pressed", String(kept.filter === key));
      if (chips.children[place] !== chip) chips.insertBefore(chip, chips.children[place] ?? null);
    });
    for (const [key, chip] of chipsByKey) if (!keys.some(([other]) => other === key)) { chip.remove(); chipsByKey.delete(key); }
  }
  const place = (node, index) => { if (body.children[index] !== node) body.insertBefore(node, body.children[index] ?? null); };
  function drawRows(state) {
    const rows = { ...model.get("rows"), ...model.get("news") };
    let index = 0, group = null;
    for (const id of state.order) {
      const json = JSON.stringify(rows[id]);
      if (!rows[id]) continue;
      let one = made.get(id);
      if (!one) made.set(id, (one = { tr: h("tr", { class: "k-r", "data-hypothesis": id }) }));
      if (one.json !== json) {
        const row = Object.fromEntries(FIELDS.map((name, i) => [name, rows[id][i]]));
        Object.assign(one, { json, row, at: performance.now() });
        one.tr.setAttribute("data-state", row.state);
        one.tr.setAttribute("data-key", row.key);
        one.tr.replaceChildren(...cells(row));
      }
      if (state.groups.length && one.row.group !== group) {
        group = one.row.group;
        if (!headings.has(group)) headings.set(group, h("tr", {}, h("th", { colspan: 6, scope: "rowgroup" }, state.groups[group])));
        place(headings.get(group), index++);
      }
      place(one.tr, index++);
    }
    const wanted = new Set(state.order);
    for (const [id, one] of made) if (!wanted.has(id)) { one.tr.remove(); made.delete(id); }
  }
  function drawButton(state) {
    const cancelling = (kept.cancelling || state.heard) && state.running;
    act.hidden = !state.running;
    button.setAttribute("aria-disabled", String(Boolean(cancelling)));
    button.textContent = cancelling ? "Cancelling…" : "Cancel";
    note.textContent = !cancelling ? "" : state.heard ? "no new test starts" : "takes effect when the running cell ends";
  }
  function tick() {
    const gone = Boolean(el.closest(".jupyter-widgets-disconnected"));
    root.toggleAttribute("data-gone", gone);
    if (gone && model.get("head").running) status.textContent = "the kernel is gone, and the run with it";
    for (const { tr, row, at } of made.values()) {
      const span = tr.querySelector(".k-elapsed");
      if (span && !gone) span.textContent = ` ${seconds(row.elapsed + (performance.now() - at) / 1000)}`;
    }
  }
  let said = 0, saying = null;
  const say = () => { saying = null; said = performance.now(); const s = model.get("head"); spoken.textContent = `${s.done} of ${s.total} tested. ${s.counts.map(([, word, n]) => `${word} ${n}`).join(", ")}`; };
  let asked = false;
  function draw() {
    asked = false;
    const state = model.get("head"), top = scroll.scrollTop;
    title.textContent = state.question;
    data.textContent = state.data;
    done.textContent = `${state.done} / ${state.total}`;
    status.textContent = state.status;
    bar.hidden = !state.running;
    bar.setAttribute("aria-valuemax", state.total);
    bar.setAttribute("aria-valuenow", state.done);
    fill.style.width = `${state.total ? (100 * state.done) / state.total : 0}%`;
    error.textContent = state.error;
    error.hidden = !state.error;
    answer.textContent = state.answer;
    answered.hidden = !state.answer;
    shown.textContent = state.shown;
    drawChips(state);
    drawRows(state);
    filterRows();
    drawButton(state);
    tick();
    scroll.scrollTop = top;
    const legend = h("p", { class: "k-legend" }, svg(14, 10, "", { d: "M0 0h14v10h-14z", fill: INK, opacity: 0.18 }), ` grey band: too small to matter · ${state.legend}`);
    const open = Boolean(end.querySelector("details[open]"));
    end.replaceChildren(...[legend, facts("What the caveats mean", state.caveats), notes(state.notes),
      h("div", { class: "k-foot" }, h("span", {}, state.cost), " ", h("span", {}, state.foot))].filter(Boolean));
    if (open) end.querySelector("details")?.setAttribute("open", "");
    scroll.classList.toggle("k-long", state.order.length > 40);
    root.setAttribute("data-seq", state.seq);
    saying ??= setTimeout(say, Math.max(0, 1000 - (performance.now() - said)));
  }
  const ask = () => { if (!asked) { asked = true; queueMicrotask(draw); } };
  button.addEventListener("click", () => {
    if (kept.cancelling) return;
    kept.cancelling = true;
    model.send({ type: "cancel" });
    drawButton(model.get("head"));
  });
  scroll.addEventListener("scroll", () => { kept.top = scroll.scrollTop; });
  const events = ["change:head", "change:rows", "change:news"];
  for (const event of events) model.on(event, ask);
  const timer = setInterval(tick, 500);
  draw();
  scroll.scrollTop = kept.top;
  return () => {
    clearInterval(timer);
    clearTimeout(saying);
    for (const event of events) model.off(event, ask);
  };
}
export default { render };
