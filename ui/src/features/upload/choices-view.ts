// What is wanted: output and quality, and that the rights are there.
import { html, nothing, type TemplateResult } from "lit";
import { type SiteFacts, titleOf } from "../../api/site";
import { pageAddress } from "../../ui/page";
import { t } from "../../ui/texts";
import { choice, choose } from "./choice";

const valueIn = (event: Event): string => (event.target as HTMLSelectElement).value;

export function choicesView(site: SiteFacts): TemplateResult {
  const { output, quality, rights } = choice.value;
  return html`
    <div class="choices">
      ${
        site.outputs.length < 2
          ? nothing
          : html`<label class="field"><span>${t("uploader.output")}</span>
              <select name="output" @change=${(e: Event) => choose({ output: valueIn(e) })}>
                ${site.outputs.map(({ name, title }) => html`<option value=${name} ?selected=${name === output}>${titleOf(title)}</option>`)}
              </select></label>`
      }
      ${
        site.plan.qualities.length < 2
          ? nothing
          : html`<label class="field"><span>${t("uploader.quality")}</span>
              <select name="quality" @change=${(e: Event) => choose({ quality: valueIn(e) })}>
                ${site.plan.qualities.map((name) => html`<option value=${name} ?selected=${name === quality}>${t(`uploader.quality_${name}`)}</option>`)}
              </select></label>`
      }
    </div>
    <label class="check rights">
      <input type="checkbox" name="rights" .checked=${rights}
        @change=${(e: Event) => choose({ rights: (e.target as HTMLInputElement).checked })} />
      <span>${t("uploader.rights")} <a href=${pageAddress("/terms")}>${t("uploader.terms")}</a></span>
    </label>`;
}
