// A flame graph of boxes [parent, depth, start, width, name, place, seconds, seconds, tone]: start and
// width in ten-thousandths of the whole; the seconds are total and self, or before and now.
// A tree for the keyboard and for screen readers, one Tab stop.
const ROW = 19;
const seconds = (s) => (s >= 1 || s === 0 ? `${+s.toPrecision(3)} s` : s >= 1e-3 ? `${+(s * 1e3).toPrecision(3)} ms` : `${+(s * 1e6).toPrecision(3)} µs`);
const flame = ({ boxes, names, legend, words, shown }) => {
  const below = boxes.map(() => []), label = (b) => names[b[4]], where = (b) => names[b[5]];
  boxes.forEach((b, i) => b[0] >= 0 && below[b[0]].push(i));
  const tell = (i) => {
    const b = boxes[i], share = words[0] === "total" ? `, ${+(b[3] / 100).toPrecision(2)} %` : "";
    return `${label(b)} ${where(b)}: ${words[0]} ${seconds(b[6])}${share}, ${words[1]} ${seconds(b[7])}`;
  };
  const items = boxes.map((b, i) => h("div", { role: "treeitem", class: `k-box ${b[8]}`, "aria-level": b[1] + 1, tabindex: -1, "aria-label": tell(i), title: tell(i) }, label(b)));
  const tree = h("div", { role: "tree", class: "k-flame", "aria-label": "flame graph" }, ...items);
  const about = h("p", { class: "k-soft", "aria-live": "polite" }), reset = h("button", { type: "button", class: "k-small", hidden: true }, "whole");
  const field = h("input", { type: "search", placeholder: "search  /", "aria-label": "search functions", spellcheck: "false" }), hits = h("span", { class: "k-soft", "aria-live": "polite" });
  let zoomed = 0, at = 0;
  const callers = (i) => { const up = []; for (let p = boxes[i][0]; p >= 0; p = boxes[p][0]) up.push(p); return up; };
  const draw = () => {
    const [, , start, width] = boxes[zoomed], up = new Set(callers(zoomed));
    let deepest = 0;
    boxes.forEach((b, i) => {
      const x = up.has(i) ? 0 : (b[2] - start) / width, w = up.has(i) ? 1 : b[3] / width;
      const out = !up.has(i) && (b[1] < boxes[zoomed][1] || x < -1e-6 || x + w > 1 + 1e-4);
      items[i].hidden = out || w < 0.001;
      if (out) return;
      items[i].style.cssText = `left:${x * 100}%;width:${w * 100}%;top:${b[1] * ROW}px`;
      items[i].classList.toggle("k-up", up.has(i));
      if (w >= 0.001) deepest = Math.max(deepest, b[1]);
    });
    tree.style.height = `${(deepest + 1) * ROW}px`;
    reset.hidden = zoomed === 0;
    tree.dataset.zoom = String(zoomed);
  };
  const focus = (i) => { items[at].tabIndex = -1; at = i; items[i].tabIndex = 0; items[i].focus(); about.textContent = tell(i); };
  const zoom = (i) => { zoomed = i; draw(); focus(i); };
  const search = () => {
    const text = field.value.trim().toLowerCase();
    let part = 0, found = 0;
    const inside = new Set();
    boxes.forEach((b, i) => {
      const hit = text !== "" && `${label(b)} ${where(b)}`.toLowerCase().includes(text);
      items[i].classList.toggle("k-hit", hit);
      if (hit) found += 1;
      if (hit && !inside.has(b[0])) part += b[3];
      if (hit || inside.has(b[0])) inside.add(i);
    });
    tree.classList.toggle("k-found", found > 0);
    hits.textContent = text === "" ? "" : found ? `${found} found, ${Math.round(part / 100)} %` : "none found";
  };
  const key = (event) => {
    const b = boxes[at], seen = (i) => i !== undefined && i >= 0 && !items[i].hidden;
    const kin = b[0] >= 0 ? below[b[0]] : [0], n = kin.indexOf(at);
    const to = { ArrowUp: b[0], ArrowDown: below[at].find(seen), ArrowRight: kin[n + 1], ArrowLeft: kin[n - 1], Home: zoomed }[event.key];
    if (event.key === "Enter" || event.key === " ") zoom(at === zoomed && at ? b[0] : at);
    else if (event.key === "Escape") zoom(0);
    else if (event.key === "/") field.focus();
    else if (seen(to)) focus(to);
    else if (!event.key.startsWith("Arrow") && event.key !== "Home") return;
    event.preventDefault();
    event.stopPropagation(); // the notebook would take the key for a command
  };
  items.forEach((item, i) => {
    item.addEventListener("click", () => zoom(i));
    item.addEventListener("mouseenter", () => { about.textContent = tell(i); });
  });
  tree.addEventListener("keydown", key);
  reset.addEventListener("click", () => zoom(0));
  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") { field.value = ""; search(); focus(at); }
  });
  items[0].tabIndex = 0;
  draw();
  about.textContent = "Click a box, or press Enter on it, to zoom; Esc shows the whole.";
  return h("div", {}, h("div", { class: "k-tools" }, field, hits, reset, legend ? h("span", { class: "k-soft" }, legend) : null), tree, about, shown ? h("p", { class: "k-soft" }, shown) : null);
};
