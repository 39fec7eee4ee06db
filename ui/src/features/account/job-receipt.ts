// <job-receipt>: what became of the price of a song; asked for when somebody opens it.
import { html, type TemplateResult } from "lit";
import { ask } from "../../api/client";
import { isAbort, wordsFor } from "../../api/errors";
import type { Schema } from "../../api/types";
import { define, HouseElement } from "../../ui/element";
import { clock, credits } from "../../ui/format";
import { t } from "../../ui/texts";

type Receipt = Schema<"ReceiptAnswer">;

class JobReceipt extends HouseElement {
  static override properties = { job_id: { attribute: false }, receipt: { state: true } };
  declare job_id: string;
  declare receipt: Receipt | string | null;

  constructor() {
    super();
    this.job_id = "";
    this.receipt = null;
  }

  protected override render(): TemplateResult {
    return html`<details @toggle=${() => void this.#open()}>
      <summary>${t("money.receipt")}</summary>
      ${this.#shown()}
    </details>`;
  }

  async #open(): Promise<void> {
    if (this.receipt !== null) return;
    const { signal } = this.owner;
    try {
      const place = { job_id: this.job_id };
      this.receipt = await ask("get", "/v1/jobs/{job_id}/receipt", { place, signal });
    } catch (error) {
      if (!isAbort(error)) this.receipt = wordsFor(error);
    }
  }

  #shown(): TemplateResult {
    const receipt = this.receipt;
    if (receipt === null) return html`<p class="hint">${t("money.loading")}</p>`;
    if (typeof receipt === "string") return html`<p class="bad" role="alert">${receipt}</p>`;
    const { song, duration_s, unit } = receipt;
    const line = (name: string, words: unknown) =>
      html`<div><dt>${t(`money.receipt_${name}`)}</dt><dd>${words}</dd></div>`;
    return html`<dl class="profile">
      ${line("song", html`<bdi>${song ?? t("money.receipt_gone")}</bdi>${duration_s === null ? "" : ` (${clock(duration_s)})`}`)}
      ${line("price", credits(receipt.price, unit))}
      ${line("charged", credits(receipt.charged, unit))}
      ${line("given_back", credits(receipt.given_back, unit))}
      ${line("number", html`<code>${receipt.job_id}</code>`)}
    </dl>`;
  }
}

define("job-receipt", JobReceipt);
