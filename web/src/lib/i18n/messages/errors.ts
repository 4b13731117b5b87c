// One sentence per stable problem code; codes not listed show the server's own detail.
export const errors = {
  'error.title': ['Quelque chose n’a pas fonctionné', 'Something went wrong'],
  'error.network': [
    'Le serveur ne répond pas. Vérifiez votre connexion, puis réessayez.',
    'The server does not answer. Check your connection, then try again.',
  ],
  'error.unauthenticated': [
    'Votre session est terminée. Reconnectez-vous.',
    'Your session has ended. Sign in again.',
  ],
  'error.forbidden': [
    'Votre niveau ne permet pas cette action.',
    'Your level does not allow this action.',
  ],
  'error.not_found': ['Cet élément n’existe pas ou plus.', 'This item does not exist any more.'],
  'error.invalid': ['La demande contient une erreur.', 'The request contains a mistake.'],
  'error.stale_version': [
    'Quelqu’un a agi sur cette demande entre-temps. Relisez-la avant de décider.',
    'Someone acted on this request meanwhile. Read it again before deciding.',
  ],
  'error.conflict': [
    'L’état a changé entre-temps : l’action n’a pas été appliquée.',
    'The state changed meanwhile: the action was not applied.',
  ],
  'error.rate_limited': [
    'Trop de demandes. Réessayez dans {seconds} s.',
    'Too many requests. Try again in {seconds} s.',
  ],
  'error.too_large': ['Le contenu envoyé est trop volumineux.', 'What you sent is too large.'],
  'error.projection_behind': [
    'Les données arrivent, un instant. Réessayez.',
    'The data is catching up. Try again in a moment.',
  ],
  'error.unavailable': [
    'Le service est momentanément indisponible.',
    'The service is temporarily unavailable.',
  ],
  'error.internal': [
    'Erreur interne du serveur. Signalez la référence ci-dessous.',
    'Internal server error. Please report the reference below.',
  ],
  'error.invalid_credentials': [
    'Identifiant ou mot de passe incorrect.',
    'Wrong user name or password.',
  ],
  'error.login_rate_limited': [
    'Trop d’essais. Réessayez dans {seconds} s.',
    'Too many attempts. Try again in {seconds} s.',
  ],
  'error.idempotency_key_reused': [
    'Cette action a déjà été envoyée avec un autre contenu. Rouvrez la demande.',
    'This action was already sent with other content. Open the request again.',
  ],
  'error.approval_already_decided': [
    'Cette demande a déjà été décidée.',
    'This request has already been decided.',
  ],
  'error.already_voted': [
    'Vous avez déjà décidé sur cette demande.',
    'You have already decided on this request.',
  ],
  'error.own_request': [
    'Règle des quatre yeux : vous êtes à l’origine de cette demande.',
    'Four-eyes rule: you are the origin of this request.',
  ],
  'error.on_behalf_of_decider': [
    'Règle des quatre yeux : cette demande est faite pour votre compte.',
    'Four-eyes rule: this request is made on your behalf.',
  ],
  'error.level_too_low': [
    'Votre niveau ne permet pas de décider sur cette action.',
    'Your level does not allow deciding on this action.',
  ],
  'error.trace': ['Référence technique : {id}', 'Technical reference: {id}'],
  'error.boundary': [
    'Cette page a rencontré une erreur inattendue. Vos décisions déjà envoyées sont enregistrées.',
    'This page met an unexpected error. Decisions already sent are recorded.',
  ],
  'error.reload': ['Recharger la page', 'Reload the page'],
} as const
