import { terminalWidth, writeError } from '#platform/process';
import type { TrainingEvent } from '../training/events.ts';
import { isDumb, plainText } from './terminal.ts';

/** Between two plain lines at least, where there is no terminal to draw a bar on. */
const plainSeconds = 5;
/** And as a share of the time so far, so that the log of a long run stays short: some 15 lines for each tenfold of time. */
const plainShare = 1 / 6;
/** Between two drawings of the bar. */
const drawSeconds = 0.1;

/** Shows how far a run is, on standard error: a bar on a terminal, else (in a file or a CI log) plain lines, ever farther apart. */
export class Progress {
  readonly #width = isDumb() ? undefined : terminalWidth();
  readonly #blocks = plainText() ? '#-' : '█░';
  #started = 0;
  #shown = 0;
  #firstStep = 0;
  #begun = 0;
  #drawn = false;
  #loss: number | undefined;

  /** Takes a run's events. */
  readonly show = (event: TrainingEvent): void => {
    if (event.type === 'begin') this.#started = this.#begun = performance.now();
    if (event.type === 'end') this.clear();
    if (event.type !== 'step') return;
    const { step, totalSteps, loss } = event;
    // A moving mean over some twenty steps: single batches jump.
    this.#loss = this.#loss === undefined ? loss : this.#loss + (loss - this.#loss) / 20;
    const now = performance.now();
    if (this.#firstStep === 0) {
      // The first step pays for what is done once; the rate is that of the others.
      this.#firstStep = step;
      this.#started = now;
    }
    const elapsed = (now - this.#begun) / 1000;
    const interval = this.#width === undefined ? Math.max(plainSeconds, elapsed * plainShare) : drawSeconds;
    if (step < totalSteps && (now - this.#shown) / 1000 < interval) return;
    this.#shown = now;
    const done = step - this.#firstStep;
    const rate = done === 0 ? undefined : (done * 1000) / (now - this.#started);
    const facts = [
      `${step}/${totalSteps}`,
      `epoch ${event.epoch.toFixed(2)}`,
      `loss ${this.#loss.toFixed(4)}`,
      rate === undefined ? undefined : `${rate.toPrecision(3)} steps/s`,
      rate === undefined ? undefined : `${formatSeconds((totalSteps - step) / rate)} left`,
    ].filter((fact) => fact !== undefined);
    if (this.#width === undefined) writeError(`${facts.join(', ')}\n`);
    else this.#draw(step / totalSteps, facts.join(' · '), this.#width);
  };

  /** Takes the bar off the screen, so that a line can be written; it comes back with the next step. */
  clear(): void {
    if (this.#drawn) writeError('\r\x1b[2K');
    this.#drawn = false;
  }

  #draw(share: number, facts: string, width: number): void {
    const room = Math.min(40, width - facts.length - 3);
    const filled = Math.round(room * share);
    const bar = room < 5 ? '' : `${this.#blocks[0].repeat(filled)}${this.#blocks[1].repeat(room - filled)} `;
    writeError(`\r\x1b[2K${bar}${facts.slice(0, Math.max(0, width - 1))}`);
    this.#drawn = true;
  }
}

/** `1:05`, `2:03:04` */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [hours, minutes, rest] = parts;
  const tail = String(rest).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}
