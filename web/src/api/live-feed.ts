// A live feed that survives anything: resumes by position, drops duplicates, backs off, polls when
// the socket cannot be had. Knows no framework and no context; never retries a refused session.

export interface LiveFrame {
  type: string
  position: number
  at?: string | null
  data?: unknown
}

interface ReadyFrame extends LiveFrame {
  epoch?: string
  server_time?: string
}

export interface PolledFrames {
  items: LiveFrame[]
  position: number
  epoch: string
  reset: boolean
  server_time?: string
}

export type FeedStatus = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'degraded' | 'offline'

export interface FeedState {
  status: FeedStatus
  /** Local time (ms) of the next try, while reconnecting or degraded. */
  retryAt: number | null
}

export interface LiveFeedOptions {
  /** The epoch is the log's identity: a position means nothing in another one. */
  url: (after: number | undefined, epoch: string | undefined) => string
  poll: (after: number | undefined, epoch: string | undefined) => Promise<PolledFrames>
  onFrame: (frame: LiveFrame) => void
  /** A frame without a position is no event: it is never replayed, and only tells of now. */
  onSignal?: (frame: { type: string }) => void
  /** The past cannot be replayed: fetch everything again. */
  onReset: (position: number) => void
  /** First frame of each connection, with the server's clock. */
  onReady?: (position: number, serverTime: string | undefined) => void
  onSignedOut: () => void
  onState: (state: FeedState) => void
  createSocket?: (url: string) => WebSocket
  random?: () => number
}

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 30_000
const CONNECT_TIMEOUT_MS = 10_000
const POLL_EVERY_MS = 30_000
const FAILURES_BEFORE_POLLING = 3
const CLOSED_UNAUTHENTICATED = 4401
const CLOSED_SLOW_READER = 1013

export class LiveFeed {
  private socket: WebSocket | null = null
  private last: number | undefined
  private epoch: string | undefined
  private failures = 0
  private running = false
  private ready = false
  private polling = false
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private connectTimer: ReturnType<typeof setTimeout> | undefined
  private pollTimer: ReturnType<typeof setTimeout> | undefined
  private state: FeedState = { status: 'idle', retryAt: null }

  constructor(private readonly options: LiveFeedOptions) {}

  get position() {
    return this.last
  }

  start(after?: number) {
    if (this.running) return
    this.running = true
    this.last = after
    window.addEventListener('online', this.online)
    window.addEventListener('offline', this.offline)
    document.addEventListener('visibilitychange', this.seen)
    this.connect()
  }

  stop() {
    this.running = false
    window.removeEventListener('online', this.online)
    window.removeEventListener('offline', this.offline)
    document.removeEventListener('visibilitychange', this.seen)
    clearTimeout(this.retryTimer)
    this.stopPolling()
    this.drop()
    this.setState('idle')
  }

  /** Says something to the server, if it can be heard now. */
  say(message: unknown) {
    if (this.ready) this.socket?.send(JSON.stringify(message))
  }

  /** Tries at once instead of waiting for the next turn. */
  readonly wake = () => {
    if (!this.running || this.ready) return
    clearTimeout(this.retryTimer)
    this.connect()
  }

  /** A socket that lived through the outage may be dead without having said so. */
  private readonly online = () => {
    if (this.running && this.ready) this.reconnect()
    else this.wake()
  }

  private readonly offline = () => {
    this.setState('offline')
  }

  /** A laptop that slept may hold a dead socket that still looks open: compare with the server. */
  private readonly seen = () => {
    if (document.visibilityState !== 'visible' || !this.running) return
    if (!this.ready) {
      this.wake()
      return
    }
    const before = this.last
    void this.pollOnce().then((moved) => {
      if (moved && this.ready && before !== this.last) this.reconnect()
    })
  }

  private reconnect() {
    this.drop()
    this.connect()
  }

  private connect() {
    this.drop()
    if (this.state.status === 'idle' || this.state.status === 'offline') {
      this.setState(this.failures > 0 ? 'reconnecting' : 'connecting')
    } else if (this.state.status === 'reconnecting') {
      this.setState('reconnecting')
    }
    const create = this.options.createSocket ?? ((url: string) => new WebSocket(url))
    let socket: WebSocket
    try {
      socket = create(this.options.url(this.last, this.epoch))
    } catch {
      this.failed()
      return
    }
    this.socket = socket
    socket.onmessage = (message: MessageEvent) => {
      if (this.socket === socket) this.receive(message.data)
    }
    socket.onclose = (event: CloseEvent) => {
      if (this.socket === socket) this.closed(event.code)
    }
    this.connectTimer = setTimeout(() => {
      if (this.socket !== socket) return
      this.drop()
      this.failed()
    }, CONNECT_TIMEOUT_MS)
  }

  /** Lets go of the present socket without hearing its close. */
  private drop() {
    clearTimeout(this.connectTimer)
    const socket = this.socket
    this.socket = null
    this.ready = false
    socket?.close()
  }

  private receive(raw: unknown) {
    let frame: ReadyFrame
    try {
      frame = JSON.parse(String(raw)) as ReadyFrame
    } catch {
      return
    }
    if (typeof frame.position !== 'number') {
      if (typeof frame.type === 'string') this.options.onSignal?.(frame)
      return
    }
    if (frame.type === 'feed:ready') this.opened(frame)
    else if (frame.type === 'feed:reset') {
      this.reset(frame.position)
      this.alive()
    } else this.accept(frame)
  }

  private opened(frame: ReadyFrame) {
    const otherEpoch = this.noteEpoch(frame.epoch)
    if (otherEpoch) this.reset(frame.position)
    else this.last ??= frame.position
    this.alive()
    this.options.onReady?.(frame.position, frame.server_time)
  }

  /** True when the log is another one than the one we followed. */
  private noteEpoch(epoch: string | undefined) {
    const changed = epoch !== undefined && this.epoch !== undefined && epoch !== this.epoch
    if (epoch !== undefined) this.epoch = epoch
    return changed
  }

  private alive() {
    clearTimeout(this.connectTimer)
    this.ready = true
    this.failures = 0
    this.stopPolling()
    this.setState('live')
  }

  private accept(frame: LiveFrame) {
    if (this.last !== undefined && frame.position <= this.last) return
    this.last = frame.position
    this.options.onFrame(frame)
  }

  private reset(position: number) {
    this.last = position
    this.options.onReset(position)
  }

  private closed(code: number) {
    const wasReady = this.ready
    this.drop()
    if (!this.running) return
    if (code === CLOSED_UNAUTHENTICATED) {
      this.stop()
      this.options.onSignedOut()
    } else if (code === CLOSED_SLOW_READER && wasReady) this.connect()
    else this.failed()
  }

  private failed() {
    this.failures += 1
    const base = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1))
    const delay = base * (0.5 + (this.options.random ?? Math.random)() / 2)
    clearTimeout(this.retryTimer)
    this.retryTimer = setTimeout(() => {
      this.connect()
    }, delay)
    const offline = typeof navigator !== 'undefined' && !navigator.onLine
    if (offline) this.setState('offline')
    else if (this.state.status !== 'degraded') this.setState('reconnecting', Date.now() + delay)
    if (this.failures >= FAILURES_BEFORE_POLLING && !this.polling) this.startPolling()
  }

  private startPolling() {
    this.polling = true
    const turn = async () => {
      await this.pollOnce()
      if (this.polling) this.pollTimer = setTimeout(() => void turn(), POLL_EVERY_MS)
    }
    void turn()
  }

  private stopPolling() {
    this.polling = false
    clearTimeout(this.pollTimer)
  }

  /** Answers whether the server knew more than we did. */
  private async pollOnce(): Promise<boolean> {
    const asked = this.last
    let page: PolledFrames
    try {
      page = await this.options.poll(asked, this.epoch)
    } catch {
      if (this.polling && this.running) this.setState('reconnecting')
      return false
    }
    if (!this.running) return false
    if (page.reset || this.noteEpoch(page.epoch)) this.reset(page.position)
    else {
      for (const frame of page.items) this.accept(frame)
      if (this.last === undefined || page.position > this.last) this.last = page.position
    }
    if (this.polling) this.setState('degraded')
    return page.items.length > 0 || page.reset
  }

  private setState(status: FeedStatus, retryAt: number | null = null) {
    if (this.state.status === status && this.state.retryAt === retryAt) return
    this.state = { status, retryAt }
    this.options.onState(this.state)
  }
}
