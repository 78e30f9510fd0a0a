// What franz-go does on a broker, one operation a run: franz-go OPERATION BROKERS [REGISTRY_URL].
// Prints one line of JSON for each thing it looked at: {"operation", "ok", "detail"}. Every wait ends by a deadline.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const deadline = 40 * time.Second

var (
	operation, brokers string
	failed             bool
)

func check(found, expected any, detail string) {
	ok := reflect.DeepEqual(found, expected)
	if !ok {
		failed = true
		detail = fmt.Sprintf("%s: found %v, expected %v", detail, found, expected)
	}
	line, _ := json.Marshal(map[string]any{"operation": operation, "ok": ok, "detail": detail})
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func client(options ...kgo.Opt) *kgo.Client {
	one, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers)}, options...)...)
	must(err)
	return one
}

func withAdmin(use func(context.Context, *kadm.Client)) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	admin := kadm.NewClient(client())
	defer admin.Close()
	use(ctx, admin)
}

func create(topic string, partitions int32) {
	withAdmin(func(ctx context.Context, admin *kadm.Client) {
		_, err := admin.CreateTopic(ctx, partitions, 1, nil, topic)
		must(err)
	})
}

func produce(topic string, values []string, options ...kgo.Opt) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	one := client(append([]kgo.Opt{kgo.DefaultProduceTopic(topic)}, options...)...)
	defer one.Close()
	records := make([]*kgo.Record, len(values))
	for index, value := range values {
		records[index] = kgo.StringRecord(value)
	}
	must(one.ProduceSync(ctx, records...).FirstErr())
}

// take reads until there are count values or the deadline comes.
func take(one *kgo.Client, count int) []string {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	found := []string{}
	for len(found) < count && ctx.Err() == nil {
		fetches := one.PollFetches(ctx)
		if err := fetches.Err0(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			must(err)
		}
		fetches.EachRecord(func(record *kgo.Record) { found = append(found, string(record.Value)) })
	}
	return found
}

func read(topic string, count int, options ...kgo.Opt) []string {
	start := kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())
	one := client(append([]kgo.Opt{kgo.ConsumeTopics(topic), start}, options...)...)
	defer one.Close()
	return take(one, count)
}

func numbered(count int) []string {
	values := make([]string, count)
	for index := range values {
		values[index] = fmt.Sprintf("value %d %s", index, strings.Repeat("x", 60))
	}
	return values
}

func doCreate() {
	create("go-create", 3)
	withAdmin(func(ctx context.Context, admin *kadm.Client) {
		_, err := admin.CreateTopic(ctx, 1, 1, nil, "go-create")
		check(errors.Is(err, kerr.TopicAlreadyExists), true, "a second time it stands already")
		answers, err := admin.CreatePartitions(ctx, 2, "go-create")
		must(err)
		must(answers.Error())
		count := func() int {
			details, err := admin.ListTopics(ctx, "go-create")
			must(err)
			return len(details["go-create"].Partitions)
		}
		for count() != 5 && ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
		}
		check(count(), 5, "five partitions")
	})
}

func doConfigs() {
	create("go-configs", 1)
	withAdmin(func(ctx context.Context, admin *kadm.Client) {
		value := "12345"
		answers, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}, "go-configs")
		must(err)
		must(answers[0].Err)
		described, err := admin.DescribeTopicConfigs(ctx, "go-configs")
		must(err)
		for _, config := range described[0].Configs {
			if config.Key == "retention.ms" {
				check(config.MaybeValue(), "12345", "set")
			}
		}
	})
}

func codec(name string) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	topic := "go-" + name
	create(topic, 1)
	values := numbered(500)
	produce(topic, values, kgo.ProducerBatchCompression(codecs[name]))
	check(reflect.DeepEqual(read(topic, len(values)), values), true, name+": as sent")
}

// group starts members that share four partitions and waits for how many each holds.
func group(topic string, balancer kgo.GroupBalancer) {
	create(topic, 4)
	var mutex sync.Mutex
	held := map[string]map[int32]bool{"first": {}, "second": {}}
	changed := make(chan struct{}, 1000)
	start := func(name string) (*kgo.Client, context.CancelFunc) {
		note := func(add bool) func(context.Context, *kgo.Client, map[string][]int32) {
			return func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
				mutex.Lock()
				defer mutex.Unlock()
				for _, part := range parts[topic] {
					if add {
						held[name][part] = true
					} else {
						delete(held[name], part)
					}
				}
				changed <- struct{}{}
			}
		}
		one := client(kgo.ConsumeTopics(topic), kgo.ConsumerGroup(topic), kgo.Balancers(balancer), kgo.HeartbeatInterval(200*time.Millisecond),
			kgo.OnPartitionsAssigned(note(true)), kgo.OnPartitionsRevoked(note(false)), kgo.OnPartitionsLost(note(false)))
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			for ctx.Err() == nil {
				one.PollFetches(ctx)
			}
		}()
		return one, cancel
	}
	until := func(first, second int, detail string) {
		end := time.After(deadline)
		for {
			mutex.Lock()
			found := [2]int{len(held["first"]), len(held["second"])}
			mutex.Unlock()
			if found == [2]int{first, second} {
				check(found, found, detail)
				return
			}
			select {
			case <-changed:
			case <-end:
				check(found, [2]int{first, second}, detail)
				return
			}
		}
	}
	one, stopOne := start("first")
	until(4, 0, "alone with all partitions")
	two, stopTwo := start("second")
	until(2, 2, "shared after the rebalance")
	stopTwo()
	two.Close()
	until(4, 0, "all again after the other left")
	stopOne()
	one.Close()
}

func doCommit() {
	create("go-commit", 1)
	produce("go-commit", []string{"0", "1", "2", "3", "4"})
	start := kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())
	one := client(kgo.ConsumeTopics("go-commit"), kgo.ConsumerGroup("go-commit"), kgo.DisableAutoCommit(), start)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	committed := false
	for !committed && ctx.Err() == nil {
		one.PollRecords(ctx, 3).EachRecord(func(record *kgo.Record) {
			if record.Offset == 2 {
				must(one.CommitRecords(ctx, record))
				committed = true
			}
		})
	}
	one.Close()
	withAdmin(func(ctx context.Context, admin *kadm.Client) {
		offsets, err := admin.FetchOffsets(ctx, "go-commit")
		must(err)
		at, _ := offsets.Lookup("go-commit", 0)
		check(at.At, int64(3), "committed")
		lag, err := admin.Lag(ctx, "go-commit")
		must(err)
		check(lag["go-commit"].Lag.Total(), int64(2), "lag")
	})
	check(read("go-commit", 2, kgo.ConsumerGroup("go-commit")), []string{"3", "4"}, "resumed")
}

func doTime() {
	create("go-time", 1)
	start := time.Now().Add(-100 * time.Second).Truncate(time.Millisecond)
	one := client(kgo.DefaultProduceTopic("go-time"))
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	for index := 0; index < 5; index++ {
		record := kgo.StringRecord(fmt.Sprintf("t%d", index))
		record.Timestamp = start.Add(time.Duration(index) * time.Second)
		must(one.ProduceSync(ctx, record).FirstErr())
	}
	one.Close()
	withAdmin(func(ctx context.Context, admin *kadm.Client) {
		at := func(ms int64) int64 {
			offsets, err := admin.ListOffsetsAfterMilli(ctx, ms, "go-time")
			must(err)
			found, _ := offsets.Lookup("go-time", 0)
			return found.Offset
		}
		check([]int64{at(start.UnixMilli() - 1), at(start.UnixMilli() + 1500), at(start.UnixMilli() + 3000)}, []int64{0, 2, 3}, "offsets by time")
	})
	after := kgo.NewOffset().AfterMilli(start.UnixMilli() + 1500)
	check(read("go-time", 3, kgo.ConsumeResetOffset(after)), []string{"t2", "t3", "t4"}, "read from a time on")
}

func doTransaction() {
	create("go-transaction", 1)
	create("go-transaction-input", 1)
	produce("go-transaction-input", []string{"x", "y"})
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	one := client(kgo.DefaultProduceTopic("go-transaction"), kgo.TransactionalID("go-transaction"))
	send := func(end kgo.TransactionEndTry, values ...string) {
		must(one.BeginTransaction())
		for _, value := range values {
			must(one.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr())
		}
		must(one.EndTransaction(ctx, end))
	}
	send(kgo.TryAbort, "aborted 1", "aborted 2")
	send(kgo.TryCommit, "committed 1", "committed 2")
	send(kgo.TryAbort, "aborted 3")
	one.Close()
	committed := kgo.FetchIsolationLevel(kgo.ReadCommitted())
	check(read("go-transaction", 2, committed), []string{"committed 1", "committed 2"}, "read_committed")
	check(len(read("go-transaction", 5)), 5, "read_uncommitted")
	start := kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(brokers), kgo.TransactionalID("go-session"), kgo.ConsumerGroup("go-session"),
		kgo.ConsumeTopics("go-transaction-input"), kgo.DefaultProduceTopic("go-transaction"), committed, start, kgo.RequireStableFetchOffsets())
	must(err)
	seen := 0
	for seen < 2 && ctx.Err() == nil {
		fetches := session.PollFetches(ctx)
		if fetches.NumRecords() == 0 {
			continue
		}
		must(session.Begin())
		fetches.EachRecord(func(record *kgo.Record) {
			seen++
			session.Produce(ctx, kgo.StringRecord("copied "+string(record.Value)), nil)
		})
		done, err := session.End(ctx, kgo.TryCommit)
		must(err)
		check(done, true, "consumed, produced and committed as one")
	}
	session.Close()
	found := read("go-transaction", 4, committed)
	sort.Strings(found)
	check(found, []string{"committed 1", "committed 2", "copied x", "copied y"}, "both transactions")
	withAdmin(func(ctx context.Context, admin *kadm.Client) {
		offsets, err := admin.FetchOffsets(ctx, "go-session")
		must(err)
		at, _ := offsets.Lookup("go-transaction-input", 0)
		check(at.At, int64(2), "offsets committed with it")
	})
}

func doDelete() {
	create("go-delete", 1)
	produce("go-delete", []string{"0", "1", "2", "3"})
	check(read("go-delete", 4, kgo.ConsumerGroup("go-delete")), []string{"0", "1", "2", "3"}, "read")
	withAdmin(func(ctx context.Context, admin *kadm.Client) {
		var offsets kadm.Offsets
		offsets.AddOffset("go-delete", 0, 3, -1)
		deleted, err := admin.DeleteRecords(ctx, offsets)
		must(err)
		must(deleted.Error())
		starts, err := admin.ListStartOffsets(ctx, "go-delete")
		must(err)
		at, _ := starts.Lookup("go-delete", 0)
		check(at.Offset, int64(3), "records deleted")
		groups, err := admin.DeleteGroups(ctx, "go-delete")
		must(err)
		must(groups.Error())
		topics, err := admin.DeleteTopics(ctx, "go-delete")
		must(err)
		must(topics.Error())
		topics, err = admin.DeleteTopics(ctx, "go-delete")
		must(err)
		check(errors.Is(topics["go-delete"].Err, kerr.UnknownTopicOrPartition), true, "gone")
	})
}

func main() {
	operation, brokers = os.Args[1], os.Args[2]
	switch {
	case strings.HasPrefix(operation, "produce "):
		codec(strings.TrimPrefix(operation, "produce "))
	case operation == "create":
		doCreate()
	case operation == "configs":
		doConfigs()
	case operation == "group with a rebalance":
		group("go-group", kgo.RangeBalancer())
	case operation == "cooperative rebalance":
		group("go-cooperative", kgo.CooperativeStickyBalancer())
	case operation == "commit and resume":
		doCommit()
	case operation == "seek by time":
		doTime()
	case operation == "transaction committed and aborted":
		doTransaction()
	case operation == "delete":
		doDelete()
	default:
		panic("unknown operation " + operation)
	}
	if failed {
		os.Exit(1)
	}
}
