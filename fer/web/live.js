// Take a frame from the camera, send it, draw the answer, and begin again: one frame is under way at a time.

const WIDTH = 640; // of the picture that is sent
const COLOUR = "#d55e00";
const $ = (id) => document.getElementById(id);
const camera = $("camera");
const drawing = $("drawing");
const token = location.hash.slice(1);
const page = crypto.randomUUID();
const sent = document.createElement("canvas");
let paused = false;
let running = false;
let rate = 0; // frames a second, averaged

function say(text) {
  $("message").textContent = text;
}

async function start() {
  if (!token) {
    say("The token is missing: open the address that fer.live printed.");
    return;
  }
  try {
    camera.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } } });
  } catch (error) {
    const why = {
      NotAllowedError: "The camera is not allowed. Allow it beside the address, and load this page again.",
      NotFoundError: "There is no camera.",
      NotReadableError: "The camera is in use by another program.",
    };
    say(why[error.name] ?? `The camera cannot be used: ${error.message}`);
    return;
  }
  await camera.play();
  say("");
  loop();
}

async function loop() {
  if (running) return; // paused and resumed while a frame was under way
  running = true;
  try {
    await frames();
  } finally {
    running = false;
  }
}

async function frames() {
  while (!paused) {
    const begun = performance.now();
    let answer;
    try {
      answer = await ask();
    } catch {
      say("fer.live has ended. Start it again, and open its new address.");
      return;
    }
    if (answer.refused) {
      say(answer.refused);
      return;
    }
    const took = performance.now() - begun;
    rate = rate ? 0.9 * rate + 0.1 * (1000 / took) : 1000 / took;
    draw(answer);
    list(answer);
    $("latency").textContent =
      `${took.toFixed(0)} ms a frame (${rate.toFixed(0)} a second): find faces ${answer.find_ms.toFixed(0)} ms, ` +
      `network ${answer.network_ms.toFixed(0)} ms` +
      ($("explain").checked ? `, HiResCAM ${answer.map_ms.toFixed(0)} ms` : "");
    await new Promise(requestAnimationFrame);
  }
}

async function ask() {
  sent.width = Math.min(WIDTH, camera.videoWidth);
  sent.height = Math.round((sent.width * camera.videoHeight) / camera.videoWidth);
  sent.getContext("2d").drawImage(camera, 0, 0, sent.width, sent.height);
  const picture = await new Promise((done) => sent.toBlob(done, "image/jpeg", 0.9));
  const headers = { "X-Token": token, "X-Page": page };
  if ($("explain").checked) headers["X-Explain"] = "1";
  const reply = await fetch("/frame", { method: "POST", body: picture, headers });
  if (!reply.ok) return { refused: await reply.text() };
  const answer = await reply.json();
  for (const face of answer.faces.filter((each) => each.map)) {
    const image = new Image();
    image.src = `data:image/png;base64,${face.map}`;
    await image.decode();
    face.map = image;
  }
  return answer;
}

function draw({ faces }) {
  $("stage").style.aspectRatio = `${sent.width} / ${sent.height}`;
  drawing.width = sent.width;
  drawing.height = sent.height;
  const pen = drawing.getContext("2d");
  const mirrored = $("mirror").checked;
  $("stage").classList.toggle("mirrored", mirrored);
  pen.lineWidth = 3;
  pen.font = "600 18px system-ui, sans-serif";
  pen.textBaseline = "middle";
  for (const face of faces) {
    const [left, top, width, height] = face.box;
    const x = mirrored ? sent.width - left - width : left;
    if (face.map) overlay(pen, face.map, x, top, width, height, mirrored);
    pen.strokeStyle = COLOUR;
    pen.strokeRect(x, top, width, height);
    const text = `${face.track}: ${face.emotion} ${percent(face.probabilities[face.emotion])}`;
    const wide = pen.measureText(text).width + 12;
    const at = Math.max(0, Math.min(x - 1.5, sent.width - wide));
    const y = top >= 26 ? top - 26 : Math.min(top + height, sent.height - 26);
    pen.fillStyle = COLOUR;
    pen.fillRect(at, y, wide, 26);
    pen.fillStyle = "#fff";
    pen.fillText(text, at + 6, y + 13);
  }
}

function overlay(pen, map, x, top, width, height, mirrored) {
  pen.save();
  if (mirrored) {
    pen.translate(2 * x + width, 0);
    pen.scale(-1, 1);
  }
  pen.drawImage(map, x, top, width, height);
  pen.restore();
}

function list({ faces }) {
  const shown = faces.map((face) => {
    const most = face.emotion;
    const part = element("div", "face");
    const title = element("h2", "", `Face ${face.track}: ${most} `);
    title.append(element("small", "", `score ${face.score.toFixed(2)}`));
    part.append(title);
    for (const [emotion, share] of Object.entries(face.probabilities)) {
      const row = element("div", emotion === most ? "row most" : "row");
      row.append(element("span", "", emotion), bar(share), element("span", "share", percent(share)));
      part.append(row);
    }
    return part;
  });
  $("faces").replaceChildren(...(shown.length ? shown : [element("p", "", "No face is found.")]));
}

function bar(share) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "track");
  svg.setAttribute("aria-hidden", "true");
  const rect = document.createElementNS(space, "rect");
  rect.setAttribute("width", `${100 * share}%`);
  rect.setAttribute("height", "100%");
  svg.append(rect);
  return svg;
}

function element(name, kind, text = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}

function percent(share) {
  return `${(100 * share).toFixed(0)}%`;
}

$("run").addEventListener("click", () => {
  paused = !paused;
  $("run").textContent = paused ? "Go on" : "Pause";
  if (!paused) loop();
});

start();
