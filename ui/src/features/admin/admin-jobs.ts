// Everybody's jobs, and what operators can do about them.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { QueryOf, Schema } from "../../api/types";
import { define } from "../../ui/element";
import { clock, percent, price, size, time, wait } from "../../ui/format";
import { t } from "../../ui/texts";
import { AdminList, choiceField, chosen, filterForm, siteField, wordsField } from "./table";

type Row = Schema<"JobForOperators">;
type Filter = NonNullable<QueryOf<"/v1/admin/jobs", "get">>;

const STATES = ["queued", "processing", "succeeded", "failed", "canceled", "expired"] as const;
const UNFINISHED = new Set<string>(["queued", "processing"]);
const REPEATABLE = new Set<string>(["failed", "canceled"]);

// Money first, where the settings tell prices; seconds and bytes always.
function costly(cost: NonNullable<Row["cost"]>): TemplateResult {
  const { cost_microcents: micro, currency } = cost;
  return html`${micro === null || currency === null ? nothing : html`${price(micro / 1e6, currency, 4)}<br />`}
    <small>${wait(cost.processor_s)}${cost.device_s > 0 ? ` + ${wait(cost.device_s)} GPU` : ""},
    ${size(cost.stored_bytes)}</small>`;
}

class AdminJobs extends AdminList<Row> {
  #filter: Filter = Object.fromEntries(new URLSearchParams(location.hash.split("?")[1] ?? ""));

  protected override fetchPage(cursor: string | undefined) {
    const query = { ...this.#filter, limit: 50, ...(cursor === undefined ? {} : { cursor }) };
    return ask("get", "/v1/admin/jobs", { query, signal: this.owner.signal });
  }

  protected override filters(): TemplateResult {
    const states = STATES.map((state) => [state, t(`admin.states.${state}`)] as const);
    return filterForm(
      html`${wordsField()} ${siteField()} ${choiceField("status", t("admin.columns.state"), states)}`,
      (form) => {
        this.#filter = chosen(form);
        void this.load();
      },
    );
  }

  protected override table(): TemplateResult {
    return html`<table>
      <thead><tr>
        ${["song", "site", "owner", "state", "cost", "created", "actions"].map(
          (name) =>
            html`<th scope="col" class=${name === "cost" ? "amount" : nothing}>${t(`admin.columns.${name}`)}</th>`,
        )}
      </tr></thead>
      <tbody>${this.rows.map((row) => this.#row(row))}</tbody>
    </table>`;
  }

  #row({ job, owner, site, cost }: Row): TemplateResult {
    return html`<tr>
      <th scope="row"><bdi>${job.song.name}</bdi><br />
        <small>${clock(job.song.duration_s)} · <code>${job.id}</code></small></th>
      <td>${site}</td>
      <td><a href="#accounts?q=${owner.id}">${owner.email ?? owner.id}</a></td>
      <td>${t(`admin.states.${job.status}`)}
        ${job.progress?.fraction == null ? nothing : percent(job.progress.fraction)}
        ${job.error === null ? nothing : html`<br /><small>${job.error.code}</small>`}</td>
      <td class="amount">${cost === null ? "–" : costly(cost)}</td>
      <td>${time(job.created_at)}</td>
      <td class="buttons">
        ${UNFINISHED.has(job.status) ? this.#button(job, "cancel") : nothing}
        ${REPEATABLE.has(job.status) ? this.#button(job, "retry") : nothing}
        ${UNFINISHED.has(job.status) ? nothing : this.#button(job, "deletion")}
      </td>
    </tr>`;
  }

  #button(job: Row["job"], does: "cancel" | "retry" | "deletion"): TemplateResult {
    const words = t(`admin.jobs.${does}`);
    const act = () =>
      this.act(`${words}: ${job.song.name}`, (reason) =>
        ask("post", `/v1/admin/jobs/{job_id}/${does}`, {
          place: { job_id: job.id },
          body: { reason },
        }),
      );
    return html`<button class="plain" aria-label=${`${words}: ${job.song.name}`} @click=${act}>
      ${words}</button>`;
  }
}

define("admin-jobs", AdminJobs);
