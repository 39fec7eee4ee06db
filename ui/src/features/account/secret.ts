// Something that is shown this once, with a button that copies it.
import { html, type TemplateResult } from "lit";
import { announce } from "../../ui/announce";
import { t } from "../../ui/texts";

async function copy(secret: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(secret);
    announce(t("account.copied"));
  } catch {
    // Not every page may: then it is there to be selected.
    announce(t("account.copy_by_hand"));
  }
}

export const secretView = (secret: string, lead: string): TemplateResult => html`
  <div class="notice secret" role="status">
    <p>${lead}</p>
    <p class="secret-row"><code tabindex="0">${secret}</code>
      <button type="button" class="small" @click=${() => void copy(secret)}>${t("account.copy")}</button></p>
  </div>`;
