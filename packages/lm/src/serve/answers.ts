/** Answers in the form of OpenAI's API: whole ones, and the pieces of streams. */
import type { ToldToken, WritingEvent } from './messages.ts'
import type { WritingRequest } from './requests.ts'

/** What is the same in all pieces of an answer. */
export interface AnswerHead {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
}

/** Counts of tokens. */
export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: { readonly cached_tokens: number }
}

/** How an answer is put together from what the model says. */
export interface Answer {
  /** Take in what comes next. @returns the piece of the stream that it is, if it is one */
  take(event: WritingEvent): object | undefined
  /** The first piece of a stream, if there is one. */
  begin(): object | undefined
  /** The piece with the counts, which ends a stream where it was asked for. */
  usage(): object
  /** All of it. */
  whole(): object
}

/** What both kinds of answers count and gather. */
class Gathered {
  text = ''
  readonly tokens: ToldToken[] = []
  reason: 'stop' | 'length' | null = null
  prompt = 0
  reused = 0
  completion = 0

  take(event: WritingEvent): void {
    if (event.kind === 'begin') {
      this.prompt = event.promptTokens
      this.reused = event.reused
      if (event.echo !== undefined) {
        this.text = event.echo.text
        this.tokens.push(...event.echo.tokens)
      }
    } else if (event.kind === 'token') {
      this.text += event.text
      this.tokens.push(event.token)
    } else {
      this.reason = event.reason
      this.completion = event.tokens
    }
  }

  get usage(): Usage {
    return {
      prompt_tokens: this.prompt,
      completion_tokens: this.completion,
      total_tokens: this.prompt + this.completion,
      prompt_tokens_details: { cached_tokens: this.reused },
    }
  }
}

/** An answer of `/v1/completions`. */
export function completionAnswer(head: AnswerHead, { logprobs, tokenIds }: WritingRequest): Answer {
  const all = new Gathered()
  let offset = 0
  const scoresOf = (tokens: readonly ToldToken[]): object => {
    const offsets = tokens.map(({ piece }) => {
      offset += piece.length
      return offset - piece.length
    })
    return {
      tokens: tokens.map(({ piece }) => piece),
      token_logprobs: tokens.map(({ logprob }) => logprob),
      top_logprobs: tokens.map(({ alternatives }) =>
        alternatives.length === 0 ? null : Object.fromEntries(alternatives.map((own) => [own.piece, own.logprob])),
      ),
      text_offset: offsets,
    }
  }
  const choice = (text: string, tokens: readonly ToldToken[], reason: string | null): object => ({
    index: 0,
    text,
    logprobs: logprobs ? scoresOf(tokens) : null,
    finish_reason: reason,
    ...(tokenIds ? { token_ids: tokens.map(({ id }) => id) } : {}),
  })
  const piece = (choices: readonly object[]): object => ({ ...head, object: 'text_completion', choices })
  return {
    begin: () => undefined,
    take(event) {
      all.take(event)
      if (event.kind === 'token') return piece([choice(event.text, [event.token], null)])
      if (event.kind === 'end') return piece([choice('', [], event.reason)])
      return event.echo === undefined ? undefined : piece([choice(event.echo.text, event.echo.tokens, null)])
    },
    usage: () => ({ ...piece([]), usage: all.usage }),
    whole() {
      offset = 0
      return { ...piece([choice(all.text, all.tokens, all.reason)]), usage: all.usage }
    },
  }
}

/** An answer of `/v1/chat/completions`. */
export function chatAnswer(head: AnswerHead, { logprobs, tokenIds }: WritingRequest): Answer {
  const all = new Gathered()
  const encoder = new TextEncoder()
  const scored = (piece: string, logprob: number | null): object => ({
    token: piece,
    logprob: logprob ?? 0,
    bytes: [...encoder.encode(piece)],
  })
  const scoresOf = (tokens: readonly ToldToken[]): object => ({
    content: tokens.map(({ piece, logprob, alternatives }) => ({
      ...scored(piece, logprob),
      top_logprobs: alternatives.map((own) => scored(own.piece, own.logprob)),
    })),
  })
  const choice = (body: object, tokens: readonly ToldToken[], reason: string | null): object => ({
    index: 0,
    ...body,
    logprobs: logprobs ? scoresOf(tokens) : null,
    finish_reason: reason,
    ...(tokenIds ? { token_ids: tokens.map(({ id }) => id) } : {}),
  })
  const piece = (choices: readonly object[]): object => ({ ...head, object: 'chat.completion.chunk', choices })
  return {
    begin: () => piece([choice({ delta: { role: 'assistant', content: '' } }, [], null)]),
    take(event) {
      all.take(event)
      if (event.kind === 'begin') return undefined
      if (event.kind === 'end') return piece([choice({ delta: {} }, [], event.reason)])
      return piece([choice({ delta: { content: event.text } }, [event.token], null)])
    },
    usage: () => ({ ...piece([]), usage: all.usage }),
    whole: () => ({
      ...head,
      object: 'chat.completion',
      choices: [choice({ message: { role: 'assistant', content: all.text } }, all.tokens, all.reason)],
      usage: all.usage,
    }),
  }
}
