// The account's songs, and what happens to them.
import { ask } from "../../api/client";
import { type Job, type Order, place } from "../../api/orders";
import { announce } from "../../ui/announce";
import { Store } from "../../ui/store";
import { t } from "../../ui/texts";

export type { Job };

export const jobs = new Store<readonly Job[]>([]);

export const isUnfinished = (job: Job): boolean =>
  job.status === "queued" || job.status === "processing";

export function put(job: Job): void {
  const before = jobs.value.find((other) => other.id === job.id);
  if (before !== undefined) tell(before, job);
  jobs.change((all) =>
    before === undefined ? [job, ...all] : all.map((other) => (other.id === job.id ? job : other)),
  );
}

export const drop = (id: string): void => jobs.change((all) => all.filter((job) => job.id !== id));

export async function look(id: string, signal?: AbortSignal): Promise<Job> {
  const job = await ask("get", "/v1/jobs/{job_id}", {
    place: { job_id: id },
    ...(signal === undefined ? {} : { signal }),
  });
  put(job);
  return job;
}

export async function cancel(id: string): Promise<void> {
  put(await ask("post", "/v1/jobs/{job_id}/cancel", { place: { job_id: id } }));
}

export async function rename(id: string, name: string): Promise<void> {
  put(await ask("patch", "/v1/jobs/{job_id}", { place: { job_id: id }, body: { name } }));
}

export async function remove(id: string): Promise<void> {
  await ask("delete", "/v1/jobs/{job_id}", { place: { job_id: id } });
  drop(id);
}

// The same song with the same settings once more.
export async function retry(job: Job): Promise<void> {
  const again = await place(sameOrder(job), `again-${job.id}`);
  drop(job.id);
  put(again);
}

export function sameOrder(job: Job): Order {
  return {
    upload_id: job.song.upload_id,
    model: job.model,
    stems: job.stems,
    residual: job.residual,
    quality: job.quality,
  };
}

// Those who hear the page are told of the ends, not of every percent.
function tell(before: Job, now: Job): void {
  if (isUnfinished(before) && !isUnfinished(now))
    announce(t(`songs.told_${now.status}`, { name: now.song.name }));
}
