import { lengthText } from './output.ts'
import type { World } from './world.ts'

/** How far something has come. `etaSeconds` is null while it cannot be told truthfully. */
export type Advance = { readonly share: number; readonly etaSeconds: number | null; readonly note: string }

/** Shows how far something has come, on standard error. */
export type Progress = { readonly update: (at: Advance) => void; readonly stop: () => void }

/** Logs and pipes get a line this often. */
const lineEveryMs = 3000

/** Starts to show progress: a bar for a person at a terminal, otherwise a line every few seconds. */
export const startProgress = async (world: World, title: string): Promise<Progress> =>
  world.screen === null ? lines(world, title) : bar(world.screen, title)

/** Says every few seconds that a work goes on whose end nobody can tell. */
export const whileWaiting = async <Result>(world: World, title: string, work: Promise<Result>): Promise<Result> => {
  const startMs = world.nowMs()
  const ticker = setInterval(() => {
    world.say(`${title}: ${lengthText((world.nowMs() - startMs) / 1000)} so far`)
  }, lineEveryMs)
  try {
    return await work
  } finally {
    clearInterval(ticker)
  }
}

const etaText = (etaSeconds: number | null): string => (etaSeconds === null ? 'unknown' : lengthText(etaSeconds))

/** Whole only when it is done: 99.9 % is not shown as 100. */
const percent = (share: number): number => (share >= 1 ? 100 : Math.floor(Math.max(0, share) * 100))

const lines = (world: World, title: string): Progress => {
  let lastMs = Number.NEGATIVE_INFINITY
  return {
    update: ({ share, etaSeconds, note }) => {
      const nowMs = world.nowMs()
      if (nowMs - lastMs < lineEveryMs) return
      lastMs = nowMs
      world.say(`${title}: ${percent(share)} %, ${note}, ETA ${etaText(etaSeconds)}`)
    },
    stop: () => {},
  }
}

const bar = async (screen: NonNullable<World['screen']>, title: string): Promise<Progress> => {
  // Loaded only for a person at a terminal: scripts start faster without it.
  const { default: cliProgress } = await import('cli-progress')
  const single = new cliProgress.SingleBar(
    {
      format: `${title} [{bar}] {share} % | {note} | ETA {left}`,
      stream: screen as NodeJS.WritableStream,
      hideCursor: true,
      clearOnComplete: false,
      stopOnComplete: false,
      gracefulExit: false,
    },
    cliProgress.Presets.rect,
  )
  single.start(100, 0, { share: 0, note: 'starting', left: 'unknown' })
  return {
    update: ({ share, etaSeconds, note }) => {
      single.update(percent(share), { share: percent(share), note, left: etaText(etaSeconds) })
    },
    stop: () => single.stop(),
  }
}
