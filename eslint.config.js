// Lint: neostandard for form; types for what goes wrong in silence; import fences for the one-way street between folders.
import neostandard from 'neostandard'

const ts = ['**/*.ts']
const fence = (files, ...patterns) => ({
  files: [files],
  rules: { 'no-restricted-imports': ['error', { patterns: patterns.map(([regex, message]) => ({ regex, message })) }] }
})
const npm = '^(?!node:|\\.)'

export default [
  ...neostandard({ ts: true, ignores: ['dist/**', 'node_modules/**', 'data/**', '.tap/**'] }),
  {
    files: ts,
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@stylistic/object-property-newline': 'off',
      '@stylistic/object-curly-newline': 'off',
      '@stylistic/max-len': ['error', { code: 160, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true, ignoreUrls: true }]
    }
  },
  {
    files: ['gateway/**/*.ts', 'embedded/**/*.ts', 'bench/**/*.ts'],
    rules: { 'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }] }
  },
  {
    // tap itself waits for its subtests; every other promise of a test must be awaited, or the test could not fail.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafePromises: [{ from: 'package', name: 'PromiseWithSubtest', package: '@tapjs/core' }] }]
    }
  },
  fence('gateway/**/*.ts', ['embedded/', 'The gateway reaches embedded/ over the wire only.']),
  fence('gateway/routes/**/*.ts', ['ksqldb/', 'Routes ask queries/; only queries/ and migrations speak ksql.'], ['kafkajs', 'Routes write through events/.']),
  fence('embedded/**/*.ts', ['gateway/', 'embedded/ knows nothing of the gateway.']),
  fence('embedded/records/**/*.ts', ['(broker|registry|ksqldb|gateway)/', 'records/ stands alone.']),
  fence('embedded/broker/**/*.ts', [npm, 'The broker needs only node: modules.'], ['(registry|ksqldb|gateway)/', 'The broker stands alone.']),
  fence('embedded/ksqldb/sql/**/*.ts', [npm, 'sql/ needs nothing.'], ['\\.\\./(plan|runtime|engine|rest|broker|registry)/', 'sql/ imports nothing of the engine.']),
  fence('embedded/ksqldb/plan/**/*.ts', ['/(runtime|engine|rest|broker|registry)/', 'plan/ imports sql/ only.']),
  fence('embedded/ksqldb/runtime/**/*.ts', ['/(engine|rest|broker|registry)/', 'runtime/ imports plan/ and the log interface only.']),
  fence('embedded/ksqldb/engine/**/*.ts', ['/(rest|broker|registry)/', 'engine/ knows no HTTP.'])
]
