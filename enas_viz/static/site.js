/** The site's bar: search, theme, menus; and the frames, which become as high as their pages are.
 *
 *  A classic script: pages that are files load no modules and fetch nothing. The search's index is a script, too
 *  (`index.js`), loaded when the reader first goes to the search. */

(() => {
  const root = document.documentElement;
  const assets = new URL(".", document.currentScript.src);
  const find = (selector) => document.querySelector(selector);

  // ---- theme

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => root.getAttribute("theme") ?? (dark.matches ? "dark" : "light");
  const frames = [...document.querySelectorAll(".live iframe")];
  const dress = (frame) => frame.contentWindow?.postMessage({ enasTheme: theme() }, "*");
  const button = find(".bar .theme");
  const label = () => {
    button.textContent = theme() === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to the ${theme() === "dark" ? "light" : "dark"} theme`);
  };
  const redress = () => { label(); frames.forEach(dress); };
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = theme() === "dark" ? "light" : "dark";
    root.setAttribute("theme", next);
    try { localStorage.setItem("enas-theme", next); } catch { /* then it holds for this page */ }
    redress();
  });
  dark.addEventListener("change", redress);
  label();

  // ---- frames

  addEventListener("message", ({ source, data }) => {
    const frame = frames.find((each) => each.contentWindow === source);
    const height = data?.enasHeight;
    if (!frame || !Number.isFinite(height) || height < 40 || height > 20_000) return;
    if (!frame.dataset.met) { frame.dataset.met = "yes"; dress(frame); }
    frame.style.height = `${Math.ceil(height)}px`;
  });

  // ---- menu

  const menu = find(".bar .course");
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // ---- search

  const MOST = 20; // results
  const AROUND = 70; // characters before what was found
  const box = find(".bar .find"), field = box.querySelector("input"), panel = box.querySelector(".found");
  const said = panel.querySelector("p"), list = panel.querySelector("ol");
  box.hidden = false;
  let index = null, loading = false;

  const plain = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  const load = () => {
    if (loading) return;
    loading = true;
    const script = document.createElement("script");
    script.src = new URL("index.js", assets).href;
    script.onload = () => {
      index = window.enasIndex.map((entry) => ({ ...entry, title: plain(`${entry.t} ${entry.w}`), text: plain(entry.x) }));
      show();
    };
    script.onerror = () => { said.textContent = "The index of the search (assets/index.js) is missing."; };
    document.head.append(script);
  };

  /** How well an entry fits: 0 when one of the words is not in it. */
  const fit = (entry, words) => {
    let sum = 0;
    for (const word of words) {
      const inTitle = entry.title.includes(word), inText = entry.text.includes(word);
      if (!inTitle && !inText) return 0;
      sum += (inTitle ? 10 : 0) + (inText ? 1 : 0) + (entry.title.split(/[\s.]+/).includes(word) ? 10 : 0);
    }
    return sum;
  };

  /** A piece of the text around the first word that is in it, with the words marked. */
  const excerpt = (entry, words) => {
    const at = Math.max(0, Math.min(...words.map((word) => { const k = entry.text.indexOf(word); return k < 0 ? Infinity : k; })));
    const start = Number.isFinite(at) ? Math.max(0, at - AROUND) : 0;
    const piece = entry.x.slice(start, start + 180);
    const shown = document.createElement("span");
    const wanted = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
    for (const [k, part] of piece.split(new RegExp(`(${wanted})`, "i")).entries()) {
      if (k % 2) shown.append(Object.assign(document.createElement("mark"), { textContent: part }));
      else shown.append(part);
    }
    if (start) shown.prepend("… ");
    if (start + 180 < entry.x.length) shown.append(" …");
    return shown;
  };

  function show() {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    panel.hidden = !words.length;
    list.replaceChildren();
    if (!words.length) return;
    if (!index) { said.textContent = "Loading …"; return load(); }
    const found = index.map((entry) => [fit(entry, words), entry]).filter(([fits]) => fits).sort((a, b) => b[0] - a[0]);
    const count = found.length === 1 ? "1 place" : `${found.length} places`;
    said.textContent = !found.length ? `Nothing found for “${field.value.trim()}”.` : found.length > MOST ? `${count}, the first ${MOST}:` : `${count}:`;
    for (const [, entry] of found.slice(0, MOST)) {
      const link = Object.assign(document.createElement("a"), { href: new URL(`../${entry.u}`, assets).href });
      const title = Object.assign(document.createElement("b"), { textContent: entry.t });
      const where = Object.assign(document.createElement("small"), { textContent: entry.w });
      link.append(title, " ", where, excerpt(entry, words));
      list.append(Object.assign(document.createElement("li"), {}));
      list.lastChild.append(link);
    }
  }

  const close = () => { panel.hidden = true; };
  field.addEventListener("focus", () => { load(); show(); });
  field.addEventListener("input", show);
  box.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")], at = links.indexOf(document.activeElement);
    if (event.key === "Escape") { close(); field.focus(); close(); }
    else if (event.key === "ArrowDown" && links.length) links[Math.min(at + 1, links.length - 1)].focus();
    else if (event.key === "ArrowUp" && at >= 0) (links[at - 1] ?? field).focus();
    else if (event.key === "Enter" && event.target === field && links.length) links[0].click();
    else return;
    event.preventDefault();
  });
  box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget)) close(); });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // a click on a link keeps the panel open
  list.addEventListener("click", (event) => { if (event.target.closest("a")) setTimeout(close); });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
  });
})();
