// Play: the step, layer by layer. Forward to the loss, backward to the image, then the update; each with its
// sentence, its equation and a link to its page.

import { element, part, shown } from "./dom.js";
import { change, listen, select, state } from "./state.js";
import { bringIntoView, columns } from "./columns.js";
import { startingPoints, strongestOf } from "./onward.js";
import { docsLink, equation, lossInput, wordsOf } from "./words.js";

const BEAT = 2200;
let steps = [];
let timer = null;
let slider;
let story;
let playButton;

// Build the bar; at the start everything is shown, as after the last step.
export function buildPlay() {
  steps = playSteps();
  slider = element("input", {
    type: "range",
    min: 0,
    max: steps.length - 1,
    step: 1,
    value: 0,
    "aria-label": "Step of the play",
    data: { play: "slider" },
  });
  slider.addEventListener("input", () => {
    stopPlay();
    goToStep(Number(slider.value));
  });
  playButton = element("button", { class: "play-button", data: { play: "play" }, onclick: togglePlay }, "▶");
  story = element("div", { class: "story", data: { play: "story" } });
  const button = (text, label, by) =>
    element(
      "button",
      {
        "aria-label": label,
        title: label,
        data: { play: by < 0 ? "back" : "on" },
        onclick: () => {
          stopPlay();
          moveStep(by);
        },
      },
      text,
    );
  const ends = ["forward", "backward", "update"].map((phase) =>
    element(
      "span",
      { class: phase, style: { flexGrow: steps.filter((step) => step.phase === phase).length } },
      phase,
    ),
  );
  part("play").append(
    element(
      "div",
      { class: "transport" },
      button("‹", "Step back (←)", -1),
      playButton,
      button("›", "Step on (→)", 1),
    ),
    element(
      "div",
      { class: "timeline" },
      slider,
      element("div", { class: "phases", "aria-hidden": "true" }, ends),
    ),
    story,
  );
  listen(["step"], drawStep);
  listen(["trail"], () => dimColumns(steps[state.step]));
  drawStep();
}

// 0: everything; then each layer forward, the loss, each layer backward, the update.
function playSteps() {
  const { net } = state.trace;
  const forward = net.order.filter((id) => net.nodes[id].inputs.length);
  const found = [{ phase: "all" }];
  for (const id of [...net.order.filter((node) => !net.nodes[node].inputs.length), ...forward])
    found.push({ phase: "forward", node: id });
  if (net.loss) found.push({ phase: "forward", node: "loss" }, { phase: "backward", node: "loss" });
  for (const id of forward.toReversed()) if (id !== net.fused) found.push({ phase: "backward", node: id });
  found.push({ phase: "update" });
  return found;
}

export function moveStep(by) {
  goToStep(state.step + by);
}

function goToStep(step) {
  const wanted = Math.min(Math.max(step, 0), steps.length - 1);
  if (wanted === state.step) return;
  const tab = steps[wanted].phase === "update" ? "after" : "start";
  change(tab === state.tab ? { step: wanted } : { step: wanted, tab });
}

export function togglePlay() {
  if (timer) return stopPlay();
  if (state.step === steps.length - 1) goToStep(0);
  const beat = () => {
    moveStep(1);
    if (state.step === steps.length - 1) stopPlay();
  };
  timer = setInterval(beat, BEAT);
  beat();
  drawStep();
}

export function stopPlay() {
  clearInterval(timer);
  timer = null;
  drawStep();
}

function drawStep() {
  const step = steps[state.step];
  slider.value = state.step;
  slider.setAttribute("aria-valuetext", headlineOf(step));
  playButton.textContent = timer ? "❚❚" : "▶";
  playButton.setAttribute("aria-label", timer ? "Pause (space)" : "Play (space)");
  part("play").dataset.phase = step.phase;
  story.replaceChildren(...storyOf(step));
  story.setAttribute("aria-live", timer ? "off" : "polite");
  dimColumns(step);
}

function headlineOf({ phase, node }) {
  const { net } = state.trace;
  if (phase === "all") return "The whole step";
  if (phase === "update") return "Update";
  return `${phase === "forward" ? "Forward" : "Backward"}: ${node === "loss" ? "loss" : net.nodes[node].name}`;
}

function storyOf(step) {
  const { phase, node } = step;
  const { net, lossBefore, lossAfter } = state.trace;
  const { optimizer, loss } = state.recording;
  const head = (text, title) =>
    element(
      "strong",
      { class: phase },
      text,
      title ? element("span", { class: "quiet" }, ` (${title})`) : null,
    );
  if (phase === "all") {
    return [
      element(
        "p",
        {},
        head("The whole step"),
        " Forward, each layer computes its values from those before it. Backward, each sends gradients back to its ",
        "inputs. Press play, or the arrow keys, to see this layer by layer.",
      ),
    ];
  }
  const type = phase === "update" ? optimizer.type : node === "loss" ? loss.type : net.nodes[node].type;
  const { title, forward, backward } = wordsOf(type);
  const words = (phase === "backward" ? backward : forward) ?? { sentence: "", equation: "" };
  const extra =
    phase === "update" && lossAfter !== null
      ? ` On this image the loss goes from ${shown(lossBefore)} to ${shown(lossAfter)}.`
      : phase === "forward" && node === "loss"
        ? ` Here it is ${shown(lossBefore)}.`
        : "";
  const opaque = net.nodes[node]?.type === "Opaque" ? ` ${net.nodes[node].config.message ?? ""}` : "";
  return [
    element(
      "p",
      {},
      head(
        headlineOf(step),
        node === "loss" || title.toLowerCase() === net.nodes[node]?.name
          ? title
          : phase === "update"
            ? optimizer.type
            : title,
      ),
      ` ${words.sentence}${extra}${opaque} `,
    ),
    element(
      "p",
      { class: "formula" },
      ...words.equation.split("; ").map((line) => equation(line)),
      docsLink(type),
      " ",
      exampleButton(step),
    ),
  ];
}

// A button that selects the largest number of this step.
function exampleButton({ phase, node }) {
  const { net } = state.trace;
  const weight =
    phase === "update" ? startingPoints().find(({ quantity }) => quantity.kind === "update")?.quantity : null;
  const made = phase === "backward" ? (node === "loss" ? lossInput() : net.nodes[node].inputs[0]) : node;
  const quantity =
    weight ??
    (node === "loss" && phase === "forward"
      ? { kind: "loss" }
      : node === undefined
        ? null
        : strongestOf({ kind: phase === "backward" ? "gradient" : "value", node: made }));
  return (
    quantity &&
    element(
      "button",
      {
        class: "small",
        data: { play: "example" },
        onclick: () => {
          stopPlay();
          select(quantity);
        },
      },
      "look at one number",
    )
  );
}

// Fade what has not been computed yet, and mark the column that computes. While a number is selected, nothing
// is faded.
function dimColumns(step) {
  const { net } = state.trace;
  const done = { forward: new Set(), backward: new Set() };
  for (const { phase, node } of steps.slice(1, step.phase === "all" ? undefined : state.step + 1))
    done[phase]?.add(node);
  const gradientKnown = (id) =>
    id === net.fused || id === lossInput()
      ? done.backward.has("loss")
      : net.consumers[id].every(({ node }) => done.backward.has(node)) &&
        (done.backward.size > 0 || (!net.loss && step.phase !== "forward"));
  for (const { id, box } of columns) {
    const known = step.phase === "all" || step.phase === "update" || state.trail.length > 0;
    box.classList.toggle("values-unknown", !known && !done.forward.has(id) && step.phase === "forward");
    box.classList.toggle(
      "gradients-unknown",
      !known && !(id === "loss" ? done.backward.has(id) : gradientKnown(id)),
    );
    box.classList.toggle("weight-gradients-unknown", !known && !done.backward.has(id));
    box.classList.toggle("not-updated", !known);
    box.classList.toggle("at-work", step.node === id);
    box.classList.toggle("going-back", step.phase === "backward");
    if (step.node === id && !state.trail.length) bringIntoView([id]);
  }
}
