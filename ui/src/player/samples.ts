// The memory of decoded sound, which the browser would keep for too long.

// Messages to a closed port go nowhere, and what is handed over with them is gone.
const nowhere = new MessageChannel().port1;
nowhere.close();

// Gives a buffer's memory back at once. A collector would come for it when it likes: when places
// followed each other fast, it let a page grow by sixty megabytes in between.
export function giveBack(buffer: AudioBuffer): void {
  nowhere.postMessage(
    null,
    channelsOf(buffer).map((samples) => samples.buffer),
  );
}

// Samples that a script has looked at count as the page's memory, and the browser collects what is
// let go in time. Those that it has not looked at do not: measured, they pile up to two gigabytes.
export function countAsOurs(buffer: AudioBuffer): void {
  channelsOf(buffer);
}

export function multiply(buffer: AudioBuffer, factor: number): void {
  for (const samples of channelsOf(buffer)) {
    // A power of two: exact.
    for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] as number) * factor;
  }
}

function channelsOf(buffer: AudioBuffer): Float32Array<ArrayBuffer>[] {
  return Array.from({ length: buffer.numberOfChannels }, (_, channel) =>
    buffer.getChannelData(channel),
  );
}
