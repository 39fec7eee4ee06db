// Requests for takedowns with their history, and what operators do about them.
import { html, nothing, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import type { QueryOf, Schema } from "../../api/types";
import { define } from "../../ui/element";
import { time } from "../../ui/format";
import { t } from "../../ui/texts";
import { AdminList, choiceField, chosen, filterForm, siteField } from "./table";

type Row = Schema<"TakedownAnswer">;
type Filter = NonNullable<QueryOf<"/v1/admin/takedowns", "get">>;
type Decision = Schema<"DecisionRequest">["state"];

const STATES = ["received", "reviewing", "upheld", "rejected"] as const;
const DECISIONS: Readonly<Record<string, readonly Decision[]>> = {
  received: ["reviewing", "upheld", "rejected"],
  reviewing: ["upheld", "rejected"],
  upheld: ["reviewing"],
  rejected: ["reviewing"],
};
const JOB = /\bjob_[0-9a-z]{20,32}\b/;

class AdminTakedowns extends AdminList<Row> {
  #filter: Filter = Object.fromEntries(new URLSearchParams(location.hash.split("?")[1] ?? ""));

  protected override fetchPage(cursor: string | undefined) {
    const query = { ...this.#filter, limit: 20, ...(cursor === undefined ? {} : { cursor }) };
    return ask("get", "/v1/admin/takedowns", { query, signal: this.owner.signal });
  }

  protected override filters(): TemplateResult {
    const states = STATES.map((state) => [state, t(`admin.takedowns.${state}`)] as const);
    return filterForm(
      html`${siteField()} ${choiceField("state", t("admin.columns.state"), states)}`,
      (form) => {
        this.#filter = chosen(form);
        void this.load();
      },
    );
  }

  protected override table(): TemplateResult {
    return html`<ol class="stack plain">${this.rows.map((row) => this.#card(row))}</ol>`;
  }

  #card(row: Row): TemplateResult {
    return html`<li class="card stack">
      <h3><bdi>${row.work}</bdi></h3>
      <p>${t(`admin.takedowns.${row.state}`)} · ${row.site} · ${time(row.created_at)}</p>
      <dl>
        <dt>${t("admin.takedowns.claimant")}</dt>
        <dd>${row.name}, ${t(`admin.roles.${row.role}`)},
          <a href="mailto:${row.email}">${row.email}</a></dd>
        <dt>${t("admin.takedowns.place")}</dt><dd>${row.place}</dd>
        <dt>${t("admin.takedowns.statement")}</dt><dd>${row.statement}</dd>
      </dl>
      <details>
        <summary>${t("admin.takedowns.history")}</summary>
        <ol>${row.events.map(
          (event) => html`<li>${time(event.at)}: ${t(`admin.takedowns.${event.kind}`)}
            ${event.note ? html`– ${event.note}` : nothing}</li>`,
        )}</ol>
      </details>
      <p class="buttons">
        ${(DECISIONS[row.state] ?? []).map((state) => this.#decision(row, state))}
        <button class="plain" @click=${() => this.#remark(row)}>${t("admin.takedowns.note")}</button>
        <button class="danger" @click=${() => this.#remove(row)}>
          ${t("admin.takedowns.remove")}</button>
      </p>
    </li>`;
  }

  #decision(row: Row, state: Decision): TemplateResult {
    const words = t(`admin.takedowns.${state}`);
    const act = () =>
      this.act(`${words}: ${row.work}`, (reason) =>
        ask("post", "/v1/admin/takedowns/{takedown_id}/decision", {
          place: { takedown_id: row.id },
          body: { state, reason },
        }),
      );
    return html`<button class="quiet" @click=${act}>${words}</button>`;
  }

  #remark(row: Row): Promise<void> {
    return this.act(row.work, (reason) =>
      ask("post", "/v1/admin/takedowns/{takedown_id}/notes", {
        place: { takedown_id: row.id },
        body: { reason },
      }),
    );
  }

  // The job is read from where the sender found it, and can be written by hand.
  async #remove(row: Row): Promise<void> {
    const found = JOB.exec(row.place)?.[0] ?? "";
    const job_id = prompt(t("admin.takedowns.which_job"), found)?.trim();
    if (!job_id) return;
    await this.act(t("admin.takedowns.remove"), (reason) =>
      ask("post", "/v1/admin/takedowns/{takedown_id}/removals", {
        place: { takedown_id: row.id },
        body: { job_id, block: true, reason },
      }),
    );
  }
}

define("admin-takedowns", AdminTakedowns);
