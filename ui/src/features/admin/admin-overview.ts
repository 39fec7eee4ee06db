// The installation at a glance: queue, workers, sites, what went wrong, who takes most room.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { Schema } from "../../api/types";
import { define, HouseElement } from "../../ui/element";
import { Fetched } from "../../ui/fetched";
import { count, fromNow, size, wait } from "../../ui/format";
import { t } from "../../ui/texts";

const EVERY_MS = 5000;

interface Known {
  readonly overview: Schema<"Overview">;
  readonly failures: readonly Schema<"FailuresAnswer">[];
  readonly largest: readonly Schema<"LargeAccount">[];
}

async function look(signal: AbortSignal): Promise<Known> {
  const [overview, failures, largest] = await Promise.all([
    ask("get", "/v1/admin/overview", { signal }),
    ask("get", "/v1/admin/failures", { query: { hours: 24 * 7 }, signal }),
    ask("get", "/v1/admin/storage", { signal }),
  ]);
  return { overview, failures: failures.data, largest: largest.data };
}

class AdminOverview extends HouseElement {
  readonly #known = new Fetched(this, look);

  protected override start(): void {
    this.owner.every(EVERY_MS, () => {
      // An answer that takes longer is waited for: asked anew each time it would never come.
      if (!document.hidden && !this.#known.busy) void this.#known.load();
    });
  }

  protected override render(): TemplateResult {
    return this.#known.view(t("admin.loading"), shown);
  }
}

function shown({ overview, failures, largest }: Known): TemplateResult {
  const { oldest_wait_s: oldest_s } = overview;
  return html`
    <dl class="figures">
      ${figure(t("admin.overview.waiting"), count(overview.waiting))}
      ${figure(t("admin.overview.running"), count(overview.running))}
      ${figure(t("admin.overview.oldest"), oldest_s === null ? "–" : wait(oldest_s))}
      ${figure(t("admin.overview.workers"), count(overview.workers.length))}
    </dl>
    ${
      overview.workers.length === 0
        ? html`<p class="notice bad">${t("admin.overview.no_workers")}</p>`
        : nothing
    }
    ${
      overview.problems.length === 0
        ? nothing
        : html`<ul class="notice problems">${overview.problems.map((problem) => html`<li>${problem}</li>`)}</ul>`
    }
    <div class="table-wrap" role="region" tabindex="0" aria-label=${t("admin.overview.sites")}>
      <table>
        <caption>${t("admin.overview.sites")}</caption>
        <thead><tr>
          <th scope="col">${t("admin.columns.site")}</th>
          ${["done", "failed", "users", "guests", "songs", "stems", "takedowns"].map(
            (name) => html`<th scope="col" class="amount">${t(`admin.columns.${name}`)}</th>`,
          )}
        </tr></thead>
        <tbody>${overview.sites.map(siteRow)}</tbody>
      </table>
    </div>
    ${list(
      t("admin.overview.failures"),
      failures.map(
        (one) => html`<a href="#jobs?code=${one.code}&site=${one.site}">${one.code}</a>
          × ${count(one.number)}, ${one.site}, ${fromNow(one.last_at)}`,
      ),
    )}
    ${list(
      t("admin.overview.largest"),
      largest.map(
        (one) => html`<a href="#accounts?q=${one.owner.id}">${one.owner.email ?? one.owner.id}</a>
          ${size(one.size_bytes)}, ${one.site}`,
      ),
    )}
    ${list(
      t("admin.overview.workers"),
      overview.workers.map(
        (worker) => html`${worker.host}, ${worker.process_id}, ${worker.queue}:
          ${t("admin.overview.silent", { seconds: Math.round(worker.silent_s) })}`,
      ),
    )}`;
}

function siteRow(site: Schema<"SiteNumbers">): TemplateResult {
  return html`<tr>
    <th scope="row"><a href=${site.address}>${site.title}</a></th>
    <td class="amount">${count(site.jobs["succeeded"] ?? 0)}</td>
    <td class="amount">${count(site.jobs["failed"] ?? 0)}</td>
    <td class="amount">${count(site.users)}</td>
    <td class="amount">${count(site.guests)}</td>
    <td class="amount">${stored(site.uploads)}</td>
    <td class="amount">${stored(site.results)}</td>
    <td class="amount">${
      site.open_takedowns === 0
        ? "0"
        : html`<a href="#takedowns?site=${site.site}">${count(site.open_takedowns)}</a>`
    }</td>
  </tr>`;
}

const stored = ({ number, size_bytes }: Schema<"SiteNumbers">["uploads"]): string =>
  number === 0 ? count(0) : `${count(number)} · ${size(size_bytes)}`;

const figure = (name: string, value: string): TemplateResult =>
  html`<div class="card"><dt>${name}</dt><dd>${value}</dd></div>`;

function list(title: string, items: readonly TemplateResult[]): TemplateResult {
  return html`<section class="stack"><h3>${title}</h3>
    ${
      items.length === 0
        ? html`<p class="hint">${t("admin.nothing")}</p>`
        : html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`
    }
  </section>`;
}

define("admin-overview", AdminOverview);
