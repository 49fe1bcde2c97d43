// A grid of face crops that are labelled by keyboard. All that a key does is done here, at once;
// labels go to the server in batches and stay in this browser until the server has them on its disk.
const KEYS = "1234567";
const SEND_MS = 400;
const RETRY_MS = 4000;
const TILE = 84;
const ROWS = 4;
const CONFLICT = 8;

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

class Grid {
  constructor(root, save) {
    this.root = root;
    this.save = save;
    this.overlay = new Map(); // face -> label given here that the server has not confirmed
    this.skipped = new Set();
    this.done = []; // for undo: lists of [face, label before, entry]
    this.pace = []; // times of the last labels
    this.order = "useful";
    this.top = 0;
    this.attempt = 0;
  }

  // What never changes while the grid is open: the faces, their orders and their images.
  open(sheet) {
    this.sheet = sheet;
    this.store = `fer-labels-${sheet.collection}`;
    this.nodes = new Map();
    this.images = sheet.sheets.map(async (address) => {
      const image = new Image();
      image.src = address;
      await image.decode();
      return image;
    });
    this.pending = JSON.parse(localStorage.getItem(this.store) ?? "[]");
    for (const entry of this.pending) this.apply(entry);
    this.build();
    this.rebuild();
    if (this.pending.length) this.send();
  }

  apply(entry) {
    const face = this.sheet.files.indexOf(entry.file);
    if (face < 0) return;
    if (entry.method === "skip") this.skipped.add(face);
    else this.overlay.set(face, this.sheet.emotions.indexOf(entry.label) + 1);
  }

  // What the server says: labels of everybody, and which of ours it has.
  update(server) {
    this.server = server;
    const kept = new Set(server.kept);
    this.pending = this.pending.filter((entry) => !kept.has(entry.id));
    localStorage.setItem(this.store, JSON.stringify(this.pending));
    const waiting = new Set(this.pending.map((entry) => entry.file));
    for (const face of [...this.overlay.keys()])
      if (!waiting.has(this.sheet.files[face])) this.overlay.delete(face);
    for (const face of server.skipped) this.skipped.add(face);
    this.problem.textContent = server.error && this.pending.length ? server.error : "";
    this.unsaved.textContent = this.pending.length ? `Saving ${this.pending.length} …` : "All labels are saved.";
    this.paint();
  }

  label(face) {
    return this.overlay.get(face) ?? Number(this.server?.labels[face] ?? 0);
  }

  isOpen(face) {
    return this.order === "conflicts" ? this.label(face) === CONFLICT : !this.label(face);
  }

  build() {
    this.image = make("canvas", { class: "current", role: "img", width: 224, height: 224 });
    this.title = make("div", { class: "title", "aria-live": "polite" });
    this.problem = make("div", { class: "problem", role: "alert" });
    this.unsaved = make("span", { class: "quiet" });
    this.progress = make("div", { class: "progress" });
    this.bar = make("div", { class: "bar" }, make("div"));
    this.agreement = make("details", {}, make("summary"), make("table"));
    this.buttons = this.sheet.emotions.map((emotion, at) =>
      make("button", { onclick: () => this.give(at + 1), style: `border-left-color:${this.sheet.colors[at]}` }),
    );
    const act = (text, action) => make("button", { text, class: "plain", onclick: action });
    const actions = [
      act("0 Skip", () => this.skip()),
      act("U Undo", () => this.undo()),
      act("Enter Take suggestions of the row", () => this.takeRow()),
    ];
    this.tabs = Object.entries({
      useful: "Most useful first", suggestion: "By suggestion", conflicts: "Conflicts",
    }).map(([order, text]) => [order, text, make("button", { class: "tab", onclick: () => this.choose(order) })]);
    this.tiles = make("div", { class: "tiles" });
    this.root.replaceChildren(
      this.problem,
      make("div", { class: "head" },
        this.image,
        make("div", { class: "side" }, this.title, make("div", { class: "keys" }, ...this.buttons),
          make("div", { class: "keys" }, ...actions), this.bar, this.progress, this.agreement)),
      make("div", { class: "tabs" }, ...this.tabs.map(([, , tab]) => tab), this.unsaved),
      this.tiles,
    );
    this.root.addEventListener("click", (event) => {
      // After the mouse, keys are meant for the faces; after Tab and Enter for the focused button.
      if (event.detail && event.target.closest("button")) this.root.focus({ preventScroll: true });
    });
    new ResizeObserver(() => this.fit()).observe(this.tiles);
  }

  fit() {
    const columns = Math.max(Math.floor(this.tiles.clientWidth / (TILE + 6)), 3);
    if (columns !== this.columns) {
      this.columns = columns;
      this.rebuild();
    }
  }

  choose(order) {
    this.order = order;
    this.rebuild();
  }

  // The faces that are open in this order, in rows; of "By suggestion" each row has one suggestion.
  rebuild() {
    const columns = this.columns ?? 8;
    const ranked = this.sheet.orders[this.order === "conflicts" ? "useful" : this.order];
    const open = ranked.filter((face) => this.isOpen(face));
    const first = open.filter((face) => !this.skipped.has(face));
    const faces = [...first, ...open.filter((face) => this.skipped.has(face))];
    this.rows = [];
    for (const face of faces) {
      const row = this.rows.at(-1);
      const isNew = !row || row.length === columns ||
        (this.order === "suggestion" && this.sheet.suggested[row[0]] !== this.sheet.suggested[face]);
      if (isNew) this.rows.push([face]);
      else row.push(face);
    }
    this.top = 0;
    this.current = faces[0] ?? -1;
    if (this.server) this.paint();
  }

  next() {
    const faces = this.rows.flat();
    const at = faces.indexOf(this.current);
    const following = [...faces.slice(at + 1), ...faces.slice(0, Math.max(at, 0))];
    const open = following.filter((face) => this.isOpen(face));
    const fresh = open.find((face) => !this.skipped.has(face));
    this.current = fresh ?? open[0] ?? -1;
    if (this.current < 0) this.rebuild();
  }

  record(faces, labelOf, method) {
    const entries = faces.map((face) => {
      const before = this.label(face);
      const name = (label) => (label === CONFLICT ? "?" : (this.sheet.emotions[label - 1] ?? ""));
      const entry = {
        file: this.sheet.files[face], label: method === "skip" ? "" : name(labelOf(face)),
        was: name(before), id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, method,
      };
      if (method === "skip") this.skipped.add(face);
      else this.overlay.set(face, labelOf(face));
      return [face, before, entry];
    });
    this.pending.push(...entries.map(([, , entry]) => entry));
    localStorage.setItem(this.store, JSON.stringify(this.pending));
    this.unsaved.textContent = `Saving ${this.pending.length} …`;
    this.sending ??= setTimeout(() => this.send(), SEND_MS);
    return entries;
  }

  give(label) {
    if (this.current < 0 || (label === CONFLICT)) return;
    const face = this.current;
    const method = this.sheet.suggested[face] === label - 1 && this.label(face) === 0 ? "suggestion" : "hand";
    this.done.push(this.record([face], () => label, this.label(face) ? "hand" : method));
    this.pace.push(performance.now());
    this.next();
    this.paint();
  }

  skip() {
    if (this.current < 0) return;
    this.record([this.current], () => 0, "skip");
    this.next();
    this.paint();
  }

  takeRow() {
    const row = this.rows.find((faces) => faces.includes(this.current)) ?? [];
    const open = row.filter((face) => this.isOpen(face) && this.label(face) === 0);
    if (!open.length) return;
    this.done.push(this.record(open, (face) => this.sheet.suggested[face] + 1, "suggestion"));
    this.pace.push(...open.map(() => performance.now()));
    this.current = row.at(-1);
    this.next();
    this.paint();
  }

  undo() {
    const last = this.done.pop();
    if (!last) return;
    const before = new Map(last.map(([face, label]) => [face, label]));
    this.record([...before.keys()], (face) => before.get(face) % CONFLICT, "undo");
    this.pace.splice(-last.length);
    this.current = last[0][0];
    if (!this.rows.flat().includes(this.current)) {
      this.rebuild();
      this.current = last[0][0];
    }
    this.paint();
  }

  move(step) {
    const faces = this.rows.flat();
    const at = faces.indexOf(this.current) + step;
    if (at >= 0 && at < faces.length) this.current = faces[at];
    this.paint();
  }

  send() {
    clearTimeout(this.sending);
    this.sending = undefined;
    if (!this.pending.length) return;
    this.attempt += 1;
    this.save({ entries: this.pending, attempt: this.attempt });
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.send(), RETRY_MS); // until the server says that it has them
  }

  // Draws a face once its sheet is decoded.
  async picture(canvas, face) {
    const { side, across, per } = this.sheet;
    const at = face % per;
    canvas.dataset.face = face;
    const image = await this.images[Math.floor(face / per)];
    if (canvas.dataset.face !== String(face)) return; // another face since
    const [x, y] = [(at % across) * side, Math.floor(at / across) * side];
    canvas.getContext("2d").drawImage(image, x, y, side, side, 0, 0, canvas.width, canvas.height);
  }

  paint() {
    const { emotions, suggested, confidence, colors } = this.sheet;
    const face = this.current;
    const counts = Array(9).fill(0);
    for (let at = 0; at < this.sheet.files.length; at++) counts[this.label(at)] += 1;
    this.image.style.visibility = face < 0 ? "hidden" : "visible";
    if (face >= 0) {
      if (this.image.dataset.face !== String(face)) this.picture(this.image, face);
      const claims = this.server.conflicts[face];
      const percent = Math.round(confidence[face] * 100);
      this.title.textContent = claims
        ? `Labelled differently: ${claims}. Which is right?`
        : `Suggested: ${emotions[suggested[face]]} (${percent}%)`;
      this.image.setAttribute("aria-label", this.title.textContent);
      this.root.dataset.face = this.sheet.files[face];
    } else {
      this.title.textContent = this.order === "conflicts"
        ? "No face has two labels." : "Every face is labelled. Write the dataset under Finish.";
      this.root.dataset.face = "";
    }
    this.buttons.forEach((button, at) => {
      button.textContent = `${KEYS[at]} ${emotions[at]} · ${counts[at + 1]}`;
      button.classList.toggle("suggested", face >= 0 && suggested[face] === at);
    });
    this.tabs.forEach(([order, text, tab]) => {
      tab.textContent = order === "conflicts" ? `${text} (${counts[CONFLICT]})` : text;
      tab.setAttribute("aria-pressed", order === this.order);
    });
    this.paintProgress(counts);
    this.paintTiles(emotions, suggested, colors);
  }

  paintProgress(counts) {
    const total = this.sheet.files.length;
    const left = counts[0];
    const labelled = total - left - counts[CONFLICT];
    const recent = this.pace.slice(-21);
    const each = recent.length > 4 ? (recent.at(-1) - recent[0]) / (recent.length - 1) / 1000 : 0;
    const minutes = (left * each) / 60;
    const time = !each || !left ? "" : minutes < 1.5 ? ", about a minute left" : `, about ${Math.round(minutes)} min left`;
    this.progress.textContent = `${labelled} of ${total} labelled${time}`;
    this.bar.firstChild.style.width = `${(100 * labelled) / Math.max(total, 1)}%`;
    this.paintAgreement();
  }

  paintAgreement() {
    const { emotions, suggested, files } = this.sheet;
    const table = emotions.map(() => emotions.map(() => 0));
    let same = 0, all = 0;
    for (let face = 0; face < files.length; face++) {
      const label = this.label(face);
      if (label < 1 || label > 7) continue;
      table[label - 1][suggested[face]] += 1;
      all += 1;
      same += label - 1 === suggested[face];
    }
    const [summary, node] = this.agreement.children;
    summary.textContent = all ? `${Math.round((100 * same) / all)}% as suggested` : "Agreement with the suggestions";
    if (!this.agreement.open) return;
    const head = make("tr", {}, make("th", { text: "label \\ suggested" }), ...emotions.map((text) => make("th", { text, scope: "col" })));
    const body = table.map((row, at) =>
      make("tr", {}, make("th", { text: emotions[at], scope: "row" }), ...row.map((n) => make("td", { text: n || "·" }))));
    node.replaceChildren(head, ...body);
  }

  // Nodes of rows that are shown stay; a key changes two of them.
  paintTiles(emotions, suggested, colors) {
    const at = this.rows.findIndex((row) => row.includes(this.current));
    if (at >= 0 && (at < this.top || at >= this.top + ROWS)) this.top = at;
    const shown = this.rows.slice(this.top, this.top + ROWS);
    if (this.shown?.rows !== this.rows || this.shown.top !== this.top) {
      this.shown = { rows: this.rows, top: this.top };
      const lines = shown.map((row) => {
        const line = make("div", { class: "row" }, ...row.map((face) => this.tile(face)));
        if (this.order === "suggestion") line.prepend(make("div", { class: "name", text: emotions[suggested[row[0]]] }));
        return line;
      });
      const more = this.rows.length - this.top - ROWS;
      const note = more > 0 ? [make("div", { class: "quiet", text: more === 1 ? "1 more row" : `${more} more rows` })] : [];
      this.tiles.replaceChildren(...lines, ...note);
    }
    shown.forEach((row, index) => {
      this.tiles.children[index].classList.toggle("selected", this.top + index === at);
      for (const face of row) {
        const tile = this.tile(face);
        const label = this.label(face);
        const text = label === CONFLICT ? "?" : label ? emotions[label - 1] : this.skipped.has(face) ? "skipped" : "";
        tile.classList.toggle("now", face === this.current);
        if (tile.text === text) continue;
        tile.text = text;
        tile.lastChild.textContent = text;
        tile.lastChild.style.background = colors[label - 1] ?? "";
        tile.setAttribute("aria-label", text || `unlabelled, suggested ${emotions[suggested[face]]}`);
      }
    });
  }

  tile(face) {
    if (!this.nodes.has(face)) {
      const canvas = make("canvas", { width: TILE, height: TILE });
      const onclick = () => { this.current = face; this.paint(); };
      this.nodes.set(face, make("button", { class: "tile", onclick }, canvas, make("span")));
      this.picture(canvas, face);
    }
    return this.nodes.get(face);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.root.isConnected) return;
    const target = event.composedPath()[0];
    if (target.closest?.("input, textarea, select, [contenteditable=true], [role=combobox]")) return;
    const isOurs = target === document.body || this.root.getRootNode().contains(target) || this.root.contains(target);
    const control = target.closest?.("button, summary, a");
    if (event.key === "Enter" && (!isOurs || (control && !control.matches(".tile")))) return;
    const digit = KEYS.indexOf(event.key);
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -(this.columns ?? 8), ArrowDown: this.columns ?? 8 };
    if (digit >= 0) this.give(digit + 1);
    else if (event.key === "0") this.skip();
    else if (event.key === "u" || event.key === "U") this.undo();
    else if (event.key === "Enter") this.takeRow();
    else if (event.key in steps) this.move(steps[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".grid");
  const sheet = window.ferSheets?.[data.collection];
  if (!sheet || sheet.version !== data.version) {
    clearTimeout(root.waiting);
    root.waiting = setTimeout(() => root.again?.(), 100);
  }
  root.again = () => {
    const ready = window.ferSheets?.[data.collection];
    if (!ready || ready.version !== data.version) {
      root.waiting = setTimeout(() => root.again(), 100);
      return;
    }
    root.grid ??= new Grid(root, (value) => root.save(value));
    if (root.grid.sheet !== ready) root.grid.open(ready);
    root.grid.update(data);
  };
  root.save = (value) => setStateValue("log", value);
  if (sheet?.version === data.version) root.again();
  root.listen ??= (event) => root.grid?.key(event);
  document.removeEventListener("keydown", root.listen, true);
  document.addEventListener("keydown", root.listen, true);
  return () => {
    document.removeEventListener("keydown", root.listen, true);
    clearTimeout(root.waiting);
    clearTimeout(root.grid?.retry);
    root.grid?.send();
  };
}
