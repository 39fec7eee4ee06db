// One song of the account: where it stands, and what can be done with it.
import { html, nothing, type TemplateResult } from "lit";
import { announce } from "../../ui/announce";
import { clock, fromNow, percent, wait } from "../../ui/format";
import { pageAddress } from "../../ui/page";
import { has, t } from "../../ui/texts";
import { act, type CardHost } from "./host";
import { cancel, isUnfinished, type Job, remove, retry } from "./jobs";
import { renameView } from "./rename";

function bar(job: Job, fraction: number | null | undefined): TemplateResult {
  const label = t("songs.progress_name", { name: job.song.name });
  return fraction === null || fraction === undefined
    ? html`<progress max="1" aria-label=${label}></progress>`
    : html`<progress max="1" .value=${fraction} aria-label=${label}></progress>`;
}

function running(job: Job): TemplateResult {
  if (job.status === "queued") {
    const { place, estimate_s } = job.queue ?? { place: 1, estimate_s: 1 };
    const words =
      estimate_s === null
        ? t("songs.unattended", { place })
        : t("songs.queued", { place, time: wait(estimate_s) });
    return html`${bar(job, 0)}<span class="hint">${words}</span>`;
  }
  const { fraction, remaining_s } = job.progress ?? {};
  const left =
    remaining_s == null ? t("songs.begins") : t("songs.left", { time: wait(remaining_s) });
  const done = fraction == null ? nothing : html`<span class="percent">${percent(fraction)}</span>`;
  return html`${bar(job, fraction)}<span class="hint">${done} ${left}</span>`;
}

function failure(job: Job): TemplateResult {
  const code = job.error?.code ?? "";
  const words = has(`errors.${code}`) ? t(`errors.${code}`) : (job.error?.message ?? "");
  return html`<span class="bad">${t("songs.failed", { why: words })}</span>
    <span class="hint">${t("songs.paid_back")}</span>`;
}

function standing(job: Job): TemplateResult | string {
  switch (job.status) {
    case "queued":
    case "processing":
      return running(job);
    case "failed":
      return failure(job);
    case "succeeded":
      return job.expires_at === null
        ? t("songs.succeeded")
        : html`<span class="good">${t("songs.succeeded")}</span>
          <span class="hint">${t("songs.expires", { when: fromNow(job.expires_at) })}</span>`;
    default:
      return t(`songs.${job.status}`);
  }
}

function actions(job: Job, host: CardHost): TemplateResult {
  const { name } = job.song;
  const button = (word: string, does: (event: Event) => unknown) => html`
    <button type="button" class="quiet small" aria-label=${t(`songs.${word}_name`, { name })}
      @click=${does}>${t(`songs.${word}`)}</button>`;
  const open = job.status === "succeeded" || job.status === "processing";
  return html`
    ${open ? html`<a class="button small" href=${pageAddress(`/songs/${job.id}`)} aria-label=${t("songs.open_name", { name })}>${t("songs.open")}</a>` : nothing}
    ${isUnfinished(job) ? button("cancel", () => act(host, job, () => cancel(job.id))) : nothing}
    ${job.status === "failed" || job.status === "canceled" ? button("retry", () => act(host, job, () => retry(job))) : nothing}
    ${
      isUnfinished(job)
        ? nothing
        : html`${button("rename", () => {
            host.renaming = job.id;
            host.requestUpdate();
          })}
          ${button("delete", (event) => discard(host, job, event))}`
    }`;
}

function discard(host: CardHost, job: Job, event: Event): void {
  const { name } = job.song;
  if (!confirm(t("songs.delete_sure", { name }))) return;
  const card = (event.currentTarget as Element).closest(".song");
  const neighbour = card?.nextElementSibling ?? card?.previousElementSibling;
  void act(host, job, async () => {
    await remove(job.id);
    announce(t("songs.told_deleted", { name }));
    // The button that had the focus is gone with its card.
    neighbour?.querySelector<HTMLElement>("a, button")?.focus();
  });
}

export function cardView(job: Job, host: CardHost): TemplateResult {
  const trouble = host.troubles.get(job.id);
  return html`
    <li class="song" data-job=${job.id} data-status=${job.status}>
      <div class="song-words">
        ${host.renaming === job.id ? renameView(job, host) : html`<strong class="song-name" dir="auto">${job.song.name}</strong>`}
        <span class="hint">${clock(job.song.duration_s)}</span>
      </div>
      <div class="song-state">${standing(job)}</div>
      ${trouble === undefined ? nothing : html`<p class="bad" role="alert">${trouble}</p>`}
      <div class="song-actions">${actions(job, host)}</div>
    </li>`;
}
