// One song on the page: from the first byte of its upload to its stems.

import { ask } from "./api.js";

const FORMATS = [["WAV", "wav"], ["FLAC", "flac"], ["MP3", "mp3"], ["M4A", "m4a"], ["Ogg", "ogg"]];
const ENDED = new Set(["succeeded", "failed", "canceled", "expired"]);
const EVENTS = ["queued", "started", "retrying", ...ENDED].map((kind) => `job.${kind}`);
const STATES = {
  succeeded: "Ready",
  failed: "Failed",
  canceled: "Cancelled",
  expired: "Expired: its stems have been removed",
};

export class SongCard {
  constructor(name, list) {
    const card = document.getElementById("song-card").content.cloneNode(true).firstElementChild;
    const part = (selector) => card.querySelector(selector);
    this.element = card;
    this.parts = {
      name: part(".name"), state: part(".state"), running: part(".running"), bar: part("progress"),
      cancel: part(".cancel"), trouble: part(".trouble"), stems: part(".stems"), all: part(".all"),
    };
    this.parts.name.textContent = name;
    this.parts.bar.setAttribute("aria-label", `Progress of ${name}`);
    this.parts.cancel.setAttribute("aria-label", `Cancel ${name}`);
    this.parts.cancel.addEventListener("click", () => this.cancel());
    this.abort = new AbortController();
    list.append(card);
    document.getElementById("songs-part").hidden = false;
  }

  sending(fraction) {
    this.say(fraction < 1 ? `Uploading, ${percent(fraction)}` : "Looking into the file …");
    this.bar(fraction < 1 ? fraction : null);
  }

  // Whatever state the job is in; while it is not over, its events are followed.
  show(job) {
    this.job = job;
    this.parts.name.textContent = job.song.name;
    if (ENDED.has(job.status)) this.end(job);
    else {
      this.stand({ status: job.status, place: job.queue?.place, ...job.progress });
      this.follow();
    }
  }

  follow() {
    this.events?.close();
    const events = (this.events = new EventSource(this.job.events_url));
    events.addEventListener("progress", (event) => this.stand(JSON.parse(event.data)));
    for (const kind of EVENTS) {
      events.addEventListener(kind, (event) => {
        if (ENDED.has(JSON.parse(event.data).status)) this.refresh();
      });
    }
    // A broken line is taken up again by the browser; a refusal is not.
    events.onerror = () => {
      if (events.readyState === EventSource.CLOSED) this.refresh();
    };
  }

  stand({ status, place, fraction, remaining_s: left }) {
    if (ENDED.has(status) || this.stopping) return;
    if (status === "queued") {
      this.say(place ? `Waiting, number ${place} in the queue` : "Waiting");
      this.bar(null);
      return;
    }
    const known = typeof fraction === "number";
    this.say(known ? `${percent(fraction)}${left == null ? "" : `, ${time(left)} left`}` : "Starting …");
    this.bar(known ? fraction : null);
  }

  async refresh() {
    this.events?.close();
    try {
      this.show(await ask("GET", `/v1/jobs/${this.job.id}`));
    } catch (error) {
      this.fail(error.message);
    }
  }

  async cancel() {
    this.stopping = true;
    this.parts.cancel.disabled = true;
    this.say("Stopping …");
    this.abort.abort();
    if (!this.job) return;
    try {
      const job = await ask("POST", `/v1/jobs/${this.job.id}/cancel`);
      if (ENDED.has(job.status)) this.show(job);
    } catch {
      // It ended in the meantime: what it became is shown.
      this.stopping = false;
      await this.refresh();
    }
  }

  end(job) {
    this.events?.close();
    this.stopping = false;
    const held = this.element.contains(document.activeElement);
    this.parts.running.hidden = true;
    this.say(STATES[job.status]);
    announce(`${job.song.name}: ${STATES[job.status]}`);
    if (job.error) this.parts.trouble.textContent = job.error.message;
    if (job.result) this.fill(job);
    if (held) this.element.focus();
  }

  fail(message) {
    this.events?.close();
    this.parts.running.hidden = true;
    this.say(this.job ? "Failed" : "Not taken");
    this.parts.trouble.textContent = message;
    announce(`${this.parts.name.textContent}: ${message}`);
  }

  fill(job) {
    this.parts.stems.replaceChildren(...job.result.stems.map((stem) => stemRow(job, stem)));
    const links = FORMATS.map(([name, format]) =>
      link(name, `${job.result.archive_url}?format=${format}`, `All stems as ${name} in one ZIP`));
    this.parts.all.replaceChildren(text("All as ZIP:"), ...links);
  }

  say(words) {
    this.parts.state.textContent = words;
  }

  bar(fraction) {
    if (fraction === null) this.parts.bar.removeAttribute("value");
    else this.parts.bar.value = fraction;
  }
}

function stemRow(job, stem) {
  const row = document.getElementById("stem-row").content.cloneNode(true).firstElementChild;
  const title = stem.silent ? `${stem.name} (silent)` : stem.name;
  row.querySelector(".stem-name").textContent = title;
  const audio = row.querySelector("audio");
  // WAV can be played from anywhere at once: any part of it is computed alone.
  audio.src = `${stem.download_url}?format=wav`;
  audio.setAttribute("aria-label", `${stem.name} of ${job.song.name}`);
  const links = FORMATS.map(([name, format]) =>
    link(name, `${stem.download_url}?format=${format}`, `${stem.name} as ${name}`));
  row.querySelector(".downloads").replaceChildren(text("Download:"), ...links);
  return row;
}

function link(words, address, label) {
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.textContent = words;
  anchor.setAttribute("aria-label", label);
  anchor.download = "";
  return anchor;
}

const text = (words) => Object.assign(document.createElement("span"), { textContent: words });
const percent = (fraction) => `${Math.floor(fraction * 100)} %`;
const time = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);

function announce(words) {
  document.getElementById("news").textContent = words;
}
