// The first page: takes songs in, and lets people sign in.

import { ask, enter, upload, visitor } from "./api.js";
import { SongCard } from "./song.js";

const find = (id) => document.getElementById(id);
const songs = find("songs");

async function take(files) {
  find("says").textContent = "";
  try {
    if (visitor() === "nobody") await becomeGuest();
  } catch (error) {
    refuse(error);
    return;
  }
  // One after the other: several at once would share the same line.
  for (const file of files) await takeOne(file);
}

async function becomeGuest() {
  if (document.body.dataset.guests === "yes") await enter("/v1/session/guest");
  else throw new Error("Sign in first: then drop your song.");
}

async function takeOne(file) {
  const card = new SongCard(file.name, songs);
  songs.prepend(card.element);
  card.sending(0);
  try {
    const song = await upload(file, (fraction) => card.sending(fraction), card.abort.signal);
    if (card.stopping) throw new DOMException("canceled", "AbortError");
    const wish = { upload_id: song.id, quality: find("quality").value };
    const model = find("model")?.value;
    card.show(await ask("POST", "/v1/jobs", model ? { ...wish, model } : wish));
    // Cancelled while the job was being made.
    if (card.stopping) await card.cancel();
  } catch (error) {
    if (error.name === "AbortError") card.element.remove();
    else {
      card.fail(error.message);
      if (needsAccount(error)) openAccount();
    }
  }
  find("songs-part").hidden = !songs.childElementCount;
}

const needsAccount = (error) => visitor() !== "user" && [401, 402, 403].includes(error.status);

function refuse(error) {
  find("says").textContent = error.message;
  if (visitor() !== "user") openAccount();
}

function openAccount() {
  const form = find("account");
  if (!form) return;
  form.hidden = false;
  find("open-account").setAttribute("aria-expanded", "true");
  form.elements.email.focus();
}

async function signIn(event) {
  event.preventDefault();
  const form = event.target;
  const says = find("account-says");
  const way = event.submitter?.value ?? "sign-in";
  says.textContent = "";
  if (!form.reportValidity()) return;
  const body = { email: form.elements.email.value, password: form.elements.password.value };
  try {
    const session = await enter(way === "sign-up" ? "/v1/account" : "/v1/session", body);
    if (session.status === "mail_sent") says.textContent = "A mail is on its way: follow its link, then sign in.";
    else location.reload();
  } catch (error) {
    says.textContent = error.message;
  }
}

async function signOut() {
  await ask("DELETE", "/v1/session");
  location.reload();
}

async function showSongs() {
  if (visitor() === "nobody") return;
  try {
    const page = await ask("GET", "/v1/jobs?limit=20");
    for (const job of page.data) new SongCard(job.song.name, songs).show(job);
  } catch (error) {
    find("says").textContent = error.message;
  }
}

function dragged(event, over) {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  document.querySelector(".zone").classList.toggle("over", over);
}

// The whole page takes songs: a near miss must not make the browser leave it.
addEventListener("dragover", (event) => dragged(event, true));
addEventListener("dragleave", (event) => dragged(event, false));
addEventListener("drop", (event) => {
  dragged(event, false);
  take([...event.dataTransfer.files]);
});
find("song").addEventListener("change", (event) => {
  const files = [...event.target.files];
  event.target.value = "";
  take(files);
});
find("drop").addEventListener("submit", (event) => event.preventDefault());
find("account")?.addEventListener("submit", signIn);
find("open-account")?.addEventListener("click", openAccount);
find("sign-out")?.addEventListener("click", signOut);
showSongs();
