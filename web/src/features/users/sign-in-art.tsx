import { useT } from '@/lib/i18n'
import { BrandMark } from '@/ui/brand'

/** The left half of the sign-in page: a register being kept. Purely decorative, hidden on phones. */
export function SignInArt() {
  const { t } = useT()
  return (
    <div className="relative hidden overflow-hidden bg-[#0b3440] text-[#f4efe3] lg:flex lg:flex-col lg:justify-between lg:p-12 xl:p-16">
      <div className="relative flex items-center gap-3">
        <BrandMark className="size-10 rounded-lg ring-1 ring-white/25" />
        <span className="font-serif text-2xl font-semibold tracking-tight">Greffe</span>
      </div>
      <svg
        viewBox="0 0 420 300"
        fill="none"
        aria-hidden="true"
        className="relative mx-auto my-8 w-full max-w-md"
      >
        <g transform="rotate(-4 210 150)">
          <rect x="78" y="34" width="264" height="236" rx="12" fill="#082832" />
          <rect x="70" y="24" width="264" height="236" rx="12" fill="#f8f3e7" />
          <path d="M104 24v236" stroke="#d9a58b" strokeWidth="1.5" />
          {[64, 100, 136, 172, 208].map((y, i) => (
            <g key={y}>
              <circle
                cx="87"
                cy={y}
                r="5"
                fill={i === 4 ? '#b4532a' : '#0f4c5c'}
                opacity={i === 4 ? 1 : 0.85}
              />
              <rect
                x="120"
                y={y - 9}
                width={[120, 96, 138, 110, 84][i]}
                height="7"
                rx="3.5"
                fill="#31525c"
              />
              <rect
                x="120"
                y={y + 4}
                width={[170, 148, 122, 176, 132][i]}
                height="5"
                rx="2.5"
                fill="#c9c1ae"
              />
              <path d={`M112 ${y + 19}h206`} stroke="#e8dfca" />
            </g>
          ))}
        </g>
        <g transform="translate(296 196)">
          <circle r="46" fill="#b4532a" />
          <circle
            r="37"
            stroke="#f8e9df"
            strokeOpacity="0.55"
            strokeWidth="1.5"
            strokeDasharray="3 4"
          />
          <path
            d="m-17 1 12 12 23-26"
            stroke="#fff"
            strokeWidth="6"
            strokeLinecap="round"
            strokeLinejoin="round"
          />
        </g>
      </svg>
      <div className="relative max-w-md">
        <p className="font-serif text-2xl leading-9 font-semibold">{t('signin.promise')}</p>
        <p className="mt-2 text-[#c4d6d8]">{t('signin.promise_text')}</p>
      </div>
    </div>
  )
}
