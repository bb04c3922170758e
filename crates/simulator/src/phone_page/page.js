"use strict";

const byId = (id) => document.getElementById(id);
let customer = "";
let shown = "";
let lastIncoming;

/** Calls a handle of the simulator; an error becomes a sentence in the note. */
async function call(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(`/_sim/${path}`, options);
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.error ?? "It did not work.");
  return json;
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function note(text) {
  byId("note").textContent = text;
}

const withPhone = () => `phone_number_id=${encodeURIComponent(byId("phone").value)}`;

function open(number) {
  customer = number.trim();
  shown = "";
  byId("customer").value = customer;
  byId("title").textContent = customer;
  for (const control of document.querySelectorAll(".phone button, .phone input")) control.disabled = false;
  note("");
  refresh();
}

async function say(message) {
  try {
    await call(`customers/${encodeURIComponent(customer)}/messages?${withPhone()}`, message);
    await refresh();
  } catch (fault) {
    note(fault.message);
  }
}

function tap(message, choice) {
  const context = { id: message.id };
  if (choice.kind === "button") return say({ type: "button", context, button: choice.value });
  return say({ type: "interactive", context, interactive: { type: choice.kind, [choice.kind]: choice.value } });
}

function bubble(message) {
  const item = element("li", undefined, message.direction === "out" ? "out" : "in");
  if (message.header) item.append(element("div", message.header, "head"));
  item.append(element("div", message.text ?? `[${message.type}]`));
  if (message.footer) item.append(element("div", message.footer, "foot"));
  if (message.taps?.length) {
    const taps = element("div", undefined, "taps");
    for (const choice of message.taps) {
      const button = element("button", choice.label);
      button.type = "button";
      button.addEventListener("click", () => tap(message, choice));
      taps.append(button);
    }
    item.append(taps);
  }
  const time = new Date(message.at).toLocaleString();
  item.append(element("div", message.status ? `${time} · ${message.status}` : time, "meta"));
  return item;
}

async function refresh() {
  if (!customer) return;
  try {
    const thread = await call(`customers/${encodeURIComponent(customer)}/thread?${withPhone()}`);
    byId("window").textContent = thread.window_open ? "24-hour window open" : "24-hour window closed";
    const now = JSON.stringify(thread.messages);
    if (now === shown) return;
    shown = now;
    const list = byId("thread");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    list.replaceChildren(...thread.messages.map(bubble));
    if (atEnd) list.scrollTop = list.scrollHeight;
    lastIncoming = thread.messages.filter((message) => message.direction === "in").at(-1);
  } catch (fault) {
    note(fault.message);
  }
}

async function recent() {
  const customers = await call(`customers?${withPhone()}`);
  const buttons = customers.map(({ phone, user_id, name }) => {
    const row = element("li");
    const button = element("button", `${name} · ${phone ?? user_id}`);
    button.type = "button";
    button.addEventListener("click", () => open(phone ?? user_id));
    row.append(button);
    return row;
  });
  const list = byId("recent");
  // A button that has the focus is not taken away under the user.
  if (!list.contains(document.activeElement)) {
    list.replaceChildren(...(buttons.length ? buttons : [element("li", "Nobody yet. Send a message or write one.")]));
  }
}

const others = {
  stop: () => ({ text: "STOP" }),
  location: () => ({ type: "location", location: { latitude: 52.52, longitude: 13.405, name: "Here", address: "Berlin" } }),
  reaction: () => (lastIncoming ? { type: "reaction", reaction: { message_id: lastIncoming.id, emoji: "👍" } } : null),
};

// A small red square.
const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC";

async function picture() {
  const medium = await call("media", { mime_type: "image/png", base64: PICTURE, inbound: true });
  return { type: "image", image: { id: medium.id, mime_type: "image/png", sha256: medium.sha256, caption: "A picture" } };
}

async function start() {
  const state = await call("state");
  for (const phone of state.accounts.phones) {
    const option = element("option", phone.display_phone_number);
    option.value = phone.id;
    byId("phone").append(option);
  }
  for (const row of await call("magic")) {
    const line = element("tr");
    const cell = element("td");
    const button = element("button", row.number);
    button.type = "button";
    button.addEventListener("click", () => open(row.number));
    cell.append(button);
    line.append(cell, element("td", row.does));
    byId("magic").append(line);
    const option = element("option");
    option.value = row.number;
    byId("known").append(option);
  }
  await recent();
  // `/sim?customer=+15551234567` opens that customer; a + in an address stands for a space.
  const asked = new URLSearchParams(location.search).get("customer");
  if (asked) open(asked.replace(/^ /, "+"));
  setInterval(refresh, 1000);
  setInterval(recent, 3000);
}

byId("pick").addEventListener("submit", (event) => {
  event.preventDefault();
  open(byId("customer").value);
  byId("text").focus();
});
byId("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("text").value;
  if (!text.trim()) return;
  byId("text").value = "";
  say({ text });
});
for (const button of document.querySelectorAll("[data-send]")) {
  button.addEventListener("click", async () => {
    const kind = button.dataset.send;
    const message = kind === "image" ? await picture() : others[kind]();
    if (message) await say(message);
    else note("There is no message to react to yet.");
  });
}
start().catch((fault) => note(fault.message));
