// The field in which a song gets another name: Enter keeps it, Escape lets it be.
import { html, type TemplateResult } from "lit";
import { t } from "../../ui/texts";
import { act, type CardHost } from "./host";
import { type Job, rename } from "./jobs";

export function renameView(job: Job, host: CardHost): TemplateResult {
  const end = () => {
    host.renaming = null;
    host.requestUpdate();
  };
  const keep = (event: SubmitEvent) => {
    event.preventDefault();
    const name = String(new FormData(event.target as HTMLFormElement).get("name") ?? "").trim();
    end();
    if (name !== "" && name !== job.song.name) void act(host, job, () => rename(job.id, name));
  };
  return html`
    <form class="rename" @submit=${keep} @keydown=${(e: KeyboardEvent) => e.key === "Escape" && end()}>
      <input name="name" required maxlength="200" .value=${job.song.name}
        aria-label=${t("songs.rename_name", { name: job.song.name })} />
      <button type="submit" class="small">${t("songs.keep")}</button>
      <button type="button" class="quiet small" @click=${end}>${t("songs.leave")}</button>
    </form>`;
}
