// The page: it reads the recording, computes the whole step, and builds the interface.

import { explain, makeTrace } from "./engine/index.js";
import { element, part } from "./view/dom.js";
import { addressOf, change, listen, quantityAt, select, selected, state } from "./view/state.js";
import { buildColumns } from "./view/columns.js";
import { buildKeyboard, keyHelp } from "./view/keyboard.js";
import { buildLinks } from "./view/links.js";
import { buildPanel } from "./view/panel.js";
import { buildPlay } from "./view/play.js";
import { setTheme, themeNow } from "./view/palette.js";
import { followSelection } from "./view/selection.js";
import { numbersIn } from "./view/views.js";

function buildControls() {
  const views = [
    ["values", "values"],
    ["gradients", "gradients"],
    ["both", "both"],
  ].map(([view, text]) =>
    element("button", { data: { view }, "aria-pressed": "false", onclick: () => change({ view }) }, text),
  );
  const theme = element(
    "button",
    {
      class: "icon",
      data: { themeSwitch: "" },
      title: "Light or dark",
      "aria-label": "Light or dark",
      onclick: switchTheme,
    },
    "◐",
  );
  const help = element(
    "details",
    { class: "help" },
    element("summary", { class: "icon", "aria-label": "Keys", title: "Keys" }, "?"),
    element(
      "dl",
      {},
      keyHelp().flatMap(([keys, text]) => [element("dt", {}, keys), element("dd", {}, text)]),
    ),
  );
  part("controls").append(
    element("div", { class: "segments", role: "group", "aria-label": "Show" }, views),
    theme,
    help,
  );
  listen(["view"], () =>
    views.forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.view === state.view)),
    ),
  );
}

function switchTheme() {
  setTheme(themeNow() === "dark" ? "light" : "dark");
  change({ theme: themeNow() });
}

// The selected number is in the address, so that a link can open it.
function followAddress() {
  const read = () => {
    const quantity = quantityAt(location.hash.slice(1));
    if (quantity && isNumber(quantity)) select(quantity);
  };
  listen(["trail"], () => {
    try {
      history.replaceState(
        null,
        "",
        selected() ? `#${addressOf(selected())}` : location.pathname + location.search,
      );
    } catch {
      // a page in a frame may have no address of its own, and does without
    }
  });
  addEventListener("hashchange", read);
  read();
}

function isNumber(quantity) {
  if (quantity.kind === "loss") return state.trace.run.loss !== null;
  const node = state.trace.net.nodes[quantity.node];
  if (!node || (quantity.weight !== undefined && !node.weights[quantity.weight])) return false;
  const numbers = numbersIn(quantity);
  return numbers !== null && quantity.index < numbers.length;
}

function start() {
  state.recording = JSON.parse(part("recording").textContent);
  state.trace = makeTrace(state.recording);
  buildControls();
  followSelection();
  buildColumns();
  buildLinks();
  buildPanel();
  buildPlay();
  buildKeyboard();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    setTheme();
    change({ theme: themeNow() });
  });
  change({ view: "both", trail: [], theme: themeNow() });
  followAddress();
  document.body.classList.add("ready");
  window.explain = {
    trace: state.trace,
    state,
    show: (quantity) => select(quantity),
    explain: (quantity) => explain(state.trace, quantity),
  };
}

start();
