// Runs the page's engine on recordings, for test_engine.py.
//
//   node engine_cases.mjs FOLDER
//
// For each recording NAME.json in the folder it writes NAME.result.json: the engine's numbers, its answers to
// NAME.questions.json, and what is wrong with any explanation.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as engine from "../../../minicnn/explain/web/engine/index.js";

// Return every quantity of a step, but for the loss, by one of each array: {…array, length}.
function arraysOf({ net, grads, step, run }) {
  const arrays = [];
  for (const { id: node, size, weights } of net.nodes) {
    arrays.push({ kind: "value", node, length: size }, { kind: "gradient", node, length: size });
    if (run.extra[node]?.normalized) {
      for (const part of ["mean", "variance", "normalized"]) {
        arrays.push({ kind: "part", node, part, length: run.extra[node][part].length });
      }
    }
    for (const [weight, { value }] of Object.entries(weights)) {
      const kinds = grads.weights[node][weight]
        ? ["weight", "weightGradient", "update"]
        : ["weight", "update"];
      for (const kind of kinds) arrays.push({ kind, node, weight, length: value.length });
      for (const slot of Object.keys(step.weights[node][weight].slots)) {
        arrays.push({ kind: "slot", node, weight, slot, length: value.length });
        arrays.push({ kind: "slot", node, weight, slot, when: "after", length: value.length });
      }
    }
  }
  const { loss, fused } = net;
  if (loss && fused === null && loss.type !== "MeanSquaredError") {
    arrays.push({ kind: "part", node: loss.node, part: "probability", length: net.target.length });
  }
  return arrays;
}

function isNear(one, other, size = Math.abs(other)) {
  return Math.abs(one - other) <= 1e-9 * (size + 1e-3);
}

// Yield what is wrong with the explanation of a quantity: each number must be what its parts make.
function* faultsOf(trace, quantity) {
  const { value, total, form, terms, steps, sources, related, ...words } = engine.explain(trace, quantity);
  const read = (other) => engine.valueOf(trace, other);
  const size = terms.reduce((sum, term) => sum + Math.abs(term.value), Math.abs(value));
  const sum = terms.reduce((sofar, term) => sofar + term.value, 0);
  const isChoice = form === "choice";
  if (value !== read(quantity)) yield "its value is another number's";
  if (!isNear(total, value, size)) yield `the total is ${total}, not ${value}`;
  if (terms.length && !isChoice && !isNear(sum, value, size))
    yield `its terms add up to ${sum}, not ${value}`;
  if (isChoice && terms.filter(({ chosen }) => chosen).length !== 1) yield "not one of its terms was chosen";
  if (form === "gate" && terms.length !== 1) yield "a gate has one term";
  if (form === "steps" && steps.length && !isNear(steps.at(-1).value, value, size))
    yield "its last step is not it";
  for (const { label, factors, value: shown } of terms) {
    const product = factors.reduce((sofar, factor) => sofar * factor.value, 1);
    if (!isNear(product, shown)) yield `${label} is ${product}, not ${shown}`;
    for (const { text, value: one, quantity: other, derived } of factors) {
      if (other && (derived ? !Number.isFinite(read(other)) : read(other) !== one))
        yield `${text} leads elsewhere`;
    }
  }
  for (const { text, value: shown, quantity: other } of steps) {
    if (!Number.isFinite(shown) || (other && !isNear(shown, read(other)))) yield `${text} leads elsewhere`;
  }
  for (const { indices, role, ...array } of sources) {
    if (!role || !indices.every((index) => Number.isFinite(read({ ...array, index }))))
      yield "a source is not there";
  }
  for (const { text, quantity: other } of related)
    if (!Number.isFinite(read(other))) yield `${text} is not there`;
  const texts = [
    words.equation,
    words.sentence,
    words.name,
    ...[...terms, ...steps].map(({ label, text }) => label ?? text),
  ];
  // "1 numbers", "1 are 0"; not 2.1 or [0, 1]
  const miscounted = texts.find((text) => /(^|[\s(])1 (are|lie|have|use|\p{L}{3,}s)(?!\p{L})/u.test(text ?? ""));
  if (miscounted !== undefined) yield `a plural of one: ${miscounted}`;
  const hole = texts.find((text) => !text || /undefined|NaN|null|object/.test(text));
  if (hole !== undefined) yield `a hole in its text: ${hole}`;
}

// Return {number of explanations looked at, faults}, for a hundred numbers or more of each array of a step.
function inspect(trace) {
  const quantities = trace.net.loss ? [{ kind: "loss" }] : [];
  for (const { length, ...array } of arraysOf(trace)) {
    const stride = Math.max(1, Math.floor(length / 100));
    for (let index = 0; index < length; index += stride) quantities.push({ ...array, index });
  }
  const faults = quantities.flatMap((quantity) => {
    return Array.from(faultsOf(trace, quantity), (fault) => `${engine.nameOf(trace, quantity)}: ${fault}`);
  });
  return { looked: quantities.length, faults };
}

// Return which arrays can be reached from a quantity by clicks alone, on what its explanation is made of. Of
// each array some numbers are tried: one of them may be a dead end, such as a zero of a border.
function walk(trace, start, most = 20) {
  const visits = new Map();
  for (const open = [start]; open.length;) {
    const quantity = open.pop();
    const { kind, node, weight } = quantity;
    const array = [kind, node, weight].filter((piece) => piece !== undefined).join(" ");
    const seen = visits.get(array) ?? [];
    if (seen.includes(quantity.index) || seen.length === most) continue;
    visits.set(array, [...seen, quantity.index]);
    const { terms, steps } = engine.explain(trace, quantity);
    const shown = [...terms.flatMap(({ factors }) => factors), ...steps];
    open.push(...shown.flatMap(({ quantity: other }) => (other ? [other] : [])));
  }
  return [...visits.keys()];
}

// Return the answer to a question [function, …arguments]; "trace" stands for the trace.
function answer(trace, [name, ...given]) {
  return { ...engine, walk }[name](...given.map((argument) => (argument === "trace" ? trace : argument)));
}

function plain(trace) {
  const numbers = (array) => array && Array.from(array);
  const mapped = (object, convert) =>
    Object.fromEntries(Object.entries(object).map(([key, item]) => [key, convert(item)]));
  return {
    values: mapped(trace.run.values, numbers),
    gradients: mapped(trace.grads.values, numbers),
    weight_gradients: mapped(trace.grads.weights, (weights) => mapped(weights ?? {}, numbers)),
    weights_after: mapped(trace.step.weights, (weights) =>
      mapped(weights ?? {}, ({ value }) => numbers(value)),
    ),
    slots_after: mapped(trace.step.weights, (weights) =>
      mapped(weights ?? {}, ({ slots }) => mapped(slots, numbers)),
    ),
    loss: trace.lossBefore,
    loss_after: trace.lossAfter,
    message: trace.message,
  };
}

const folder = process.argv[2];
const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
for (const file of readdirSync(folder).filter((name) => /^\w+\.json$/.test(name))) {
  const name = file.replace(".json", "");
  const trace = engine.makeTrace(read(file));
  const questions = existsSync(join(folder, `${name}.questions.json`)) ? read(`${name}.questions.json`) : [];
  const result = {
    ...plain(trace),
    ...inspect(trace),
    answers: questions.map((question) => answer(trace, question)),
  };
  writeFileSync(join(folder, `${name}.result.json`), JSON.stringify(result));
}
