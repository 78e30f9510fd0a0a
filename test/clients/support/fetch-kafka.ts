// Runs before the files of clients: fetches Kafka's jars once, so that files that run side by side do not each have Maven fetch them.
import { kafkaClassPath } from './real-kafka.js'

await kafkaClassPath()
