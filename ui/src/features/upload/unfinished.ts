// What an earlier visit left: songs that were sent and never started come back to the desk, and
// songs that were sent in part are named, because choosing the same file goes on with them.
import { ask } from "../../api/client";
import type { Owner } from "../../ui/owner";
import { jobs } from "../songs/jobs";
import type { Desk } from "./desk";

export async function leftBehind(desk: Desk, owner: Owner): Promise<void> {
  const { signal } = owner;
  const uploads = await ask("get", "/v1/uploads", { query: { limit: 20 }, signal });
  const started = await ask("get", "/v1/jobs", { query: { limit: 50 }, signal });
  const used = new Set([...started.data, ...jobs.value].map((job) => job.song.upload_id));
  for (const upload of uploads.data) {
    if (upload.state === "ready" && !used.has(upload.id)) desk.addSent(upload);
    else if (upload.state === "receiving" && upload.received_bytes > 0) desk.addBroken(upload);
  }
}
