import { html } from '../connectors/html.ts'
import type { Page } from './frame.ts'
import type { Say } from './words.ts'

/** Where the sign-in leads: a path of the console, never another site. */
export const readNext = (text: string | null): string =>
  text !== null &&
  /^\/console(\/[\w\-./]*)?(\?[\w\-.=&%+~:]*)?$/.test(text) &&
  !text.startsWith('/console/sign-') &&
  !text.includes('..')
    ? text
    : '/console'

/** The sign-in form. */
export const signInPage = (
  say: Say,
  at: { readonly formToken: string; readonly next: string; readonly error: string | null },
): Page => ({
  title: say('signIn'),
  section: null,
  body: html`!${at.error === null ? '' : html`<p class="error" role="alert">${at.error}</p>`}
<form class="sign-in" method="post" action="/console/sign-in">
<input type="hidden" name="csrf" value="${at.formToken}"><input type="hidden" name="next" value="${at.next}">
<label>${say('operatorToken')}<input type="password" name="token" required autocomplete="current-password" maxlength="500" autofocus></label>
<button>${say('signInButton')}</button>
<p class="soft">${say('tokenWhere')}</p>
</form>
<p class="soft"><a href="${at.next}">${say('alreadySignedIn')}</a></p>`,
})
