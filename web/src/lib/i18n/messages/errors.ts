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
  'error.invalid_fields': ['La demande contient une erreur. {fields}', '{detail} {fields}'],
  'error.invalid_detail': ['La demande contient une erreur : « {detail} »', '{detail}'],
  'error.said': ['Le serveur a refusé : « {detail} »', '{detail}'],
  'error.method_not_allowed': [
    'Le serveur ne connaît pas cette action.',
    'The server does not know this action.',
  ],
  'error.unsupported_media_type': [
    'Le serveur n’accepte pas ce format de fichier.',
    'The server does not accept this file format.',
  ],
  'error.too_many_pending': [
    'Trop de demandes attendent déjà une décision. Réessayez dans {seconds} s.',
    'Too many requests already wait for a decision. Try again in {seconds} s.',
  ],
  'error.not_requester': [
    'Seul l’auteur de la demande peut faire cela.',
    'Only who made the request can do that.',
  ],
  'error.approval_not_needed': [
    'Cette action ne demande aucune approbation.',
    'This action needs no approval.',
  ],
  'error.not_approved': ['Cette demande n’est pas approuvée.', 'This request is not approved.'],
  'error.arguments_changed': [
    'Les arguments ne sont plus ceux qui ont été approuvés.',
    'The arguments are no longer those approved.',
  ],
  'error.grant_used': ['Cette autorisation a déjà servi.', 'This grant was already used.'],
  'error.grant_lapsed': ['Cette autorisation est caduque.', 'This grant has lapsed.'],
  'error.wrong_grant': [
    'Cette autorisation est celle d’une autre exécution.',
    'This grant belongs to another run.',
  ],
  'error.outcome_already_recorded': [
    'Le résultat de cette action est déjà inscrit.',
    'The outcome of this action is already on record.',
  ],
  'error.alert_unknown': ['Cette alerte est inconnue.', 'This alert is not known.'],
  'error.alert_resolved': ['Cette alerte est déjà résolue.', 'This alert is already resolved.'],
  'error.too_many_steps': [
    'Cette alerte porte déjà trop d’étapes.',
    'This alert already has too many steps.',
  ],
  'error.maintenance_over': ['Cette maintenance est terminée.', 'This maintenance is over.'],
  'error.not_parked': ['Cet événement n’est plus mis de côté.', 'This event is no longer parked.'],
  'error.session_ended': ['Cette session est déjà fermée.', 'This session has already ended.'],
  'error.disabled': ['Ce compte est désactivé.', 'This account is disabled.'],
  'error.own_account': [
    'On ne peut pas faire cela sur son propre compte.',
    'Nobody can do that to his own account.',
  ],
  'error.last_super_admin': [
    'C’est le dernier compte N4 : il doit rester.',
    'This is the last N4 account: it has to stay.',
  ],
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
