package redislayer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/teahouse-chat/teahouse/channels"
)

// How much an inspection asks for in one go, so that it holds Redis up for no more than a few milliseconds.
const (
	inspectKeys    = 500  // keys a SCAN goes through
	inspectBatch   = 50   // keys that are asked about together
	inspectMembers = 1000 // members of a group
)

// inflightSuffix ends the key where channels_redis keeps a message from when it takes it to when it is done with it.
const inflightSuffix = "$inflight"

// InspectCore looks at what a core layer, Teahouse's or channels_redis's, has in Redis. It only reads. Errors: bad options, a Redis that can't be reached or
// doesn't answer.
func InspectCore(ctx context.Context, o *Options, look *InspectOptions) (*CoreReport, error) {
	s, err := open(ctx, "core", o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	in := &coreInspection{settings: s, processes: map[string]*ProcessReport{}, report: &CoreReport{
		Time: time.Now(), Hosts: s.names(), Prefix: s.Prefix,
		Groups: []GroupReport{}, Processes: []ProcessReport{}, Channels: []QueueReport{}, Leftovers: []QueueReport{},
	}}
	if look != nil {
		in.look = *look
	}
	in.look.DeadAfter = cmp.Or(in.look.DeadAfter, 10*time.Second)
	if in.look.Group != "" {
		err = in.group(ctx, in.look.Group)
	} else {
		err = in.everything(ctx)
	}
	if err != nil {
		return nil, err
	}
	in.finish()
	return in.report, nil
}

// close closes the connections of open.
func (s *settings) close() {
	for _, h := range s.hosts {
		h.close()
	}
}

// names are the hosts for people, without users and passwords.
func (s *settings) names() []string {
	names := make([]string, len(s.hosts))
	for i, h := range s.hosts {
		names[i] = h.name
	}
	return names
}

// A coreInspection is an InspectCore under way.
type coreInspection struct {
	settings
	look      InspectOptions
	report    *CoreReport
	processes map[string]*ProcessReport
}

// everything goes through the keys of all hosts.
func (in *coreInspection) everything(ctx context.Context) error {
	total := int64(0)
	for host, h := range in.hosts {
		n, err := h.client.Do(ctx, h.client.B().Dbsize().Build()).AsInt64()
		if err != nil {
			return in.failed("count the keys", host, err)
		}
		total += n
	}
	scanned := int64(0)
	for host := range in.hosts {
		err := in.scan(ctx, host, func(keys int64) {
			if scanned += keys; in.look.Progress != nil {
				in.look.Progress(min(scanned, total), total)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scan goes through the keys of one host. step is told how many were gone through.
func (in *coreInspection) scan(ctx context.Context, host int, step func(keys int64)) error {
	client := in.hosts[host].client
	seen := map[string]bool{} // SCAN may show a key twice
	for cursor := uint64(0); ; {
		page, err := client.Do(ctx, client.B().Scan().Cursor(cursor).Match(globQuote(in.Prefix)+"*").Count(inspectKeys).Build()).AsScanEntry()
		if err != nil {
			return in.failed("go through the keys", host, err)
		}
		fresh := slices.DeleteFunc(page.Elements, func(key string) bool {
			again := seen[key]
			seen[key] = true
			return again
		})
		for keys := range slices.Chunk(fresh, inspectBatch) {
			if err := in.keys(ctx, host, keys); err != nil {
				return err
			}
		}
		step(inspectKeys)
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
	}
}

// keys looks at keys that begin with the prefix.
func (in *coreInspection) keys(ctx context.Context, host int, keys []string) error {
	var groups, processes, queues, leftovers []string
	for _, key := range keys {
		name := strings.TrimPrefix(key, in.Prefix)
		group, isGroup := strings.CutPrefix(name, groupInfix)
		process, isAlive := strings.CutPrefix(name, aliveInfix)
		taken, isLeftover := strings.CutSuffix(name, inflightSuffix)
		switch {
		case isGroup:
			groups = append(groups, group)
		case isAlive:
			processes = append(processes, process)
		case isLeftover && channels.CheckChannel(taken) == nil:
			leftovers = append(leftovers, taken)
		case channels.CheckChannel(name) == nil:
			queues = append(queues, name)
		default:
			in.report.OtherKeys++
		}
	}
	if err := in.groups(ctx, host, groups); err != nil {
		return err
	}
	if err := in.living(ctx, host, processes); err != nil {
		return err
	}
	if err := in.queues(ctx, host, queues); err != nil {
		return err
	}
	found, err := in.ask(ctx, host, leftovers, inflightSuffix)
	in.report.Leftovers = append(in.report.Leftovers, found...)
	return err
}

// groups looks at groups.
func (in *coreInspection) groups(ctx context.Context, host int, names []string) error {
	client := in.hosts[host].client
	cmds := make(rueidis.Commands, 0, 2*len(names))
	for _, name := range names {
		key := in.Prefix + groupInfix + name
		cmds = append(cmds, client.B().Pttl().Key(key).Build(), in.members(client, key, 0))
	}
	answers := client.DoMulti(ctx, cmds...)
	for i, name := range names {
		ttl, err := answers[2*i].AsInt64()
		if err != nil {
			return in.failed("look at the group "+name, host, err)
		}
		page, err := answers[2*i+1].AsZScores()
		if in.other(err) {
			continue
		}
		g := GroupReport{Group: name, Host: host, Expires: in.expires(ttl), ByOwner: map[string]int{}}
		for err == nil && len(page) > 0 {
			in.join(&g, page)
			if len(page) < inspectMembers {
				break
			}
			page, err = client.Do(ctx, in.members(client, in.Prefix+groupInfix+name, int64(g.Members))).AsZScores()
		}
		if err != nil {
			return in.failed("read the members of the group "+name, host, err)
		}
		if g.Members > 0 {
			in.report.Groups = append(in.report.Groups, g)
		}
	}
	return nil
}

func (in *coreInspection) members(client rueidis.Client, key string, from int64) rueidis.Completed {
	return client.B().Zrange().Key(key).Min(fmt.Sprint(from)).Max(fmt.Sprint(from + inspectMembers - 1)).Withscores().Build()
}

// join counts members of a group.
func (in *coreInspection) join(g *GroupReport, page []rueidis.ZScore) {
	for _, m := range page {
		owner, isProcess := ownerOf(m.Member)
		if isProcess {
			in.process(owner).Members++
		}
		joined := timeOf(m.Score)
		if in.report.Time.Sub(joined) > in.GroupExpiry {
			g.Stale++
		}
		g.Members++
		g.ByOwner[owner]++
		if in.look.Group != "" {
			g.Channels = append(g.Channels, MemberReport{m.Member, joined})
		}
	}
}

// queues looks at queues of processes and of open channels.
func (in *coreInspection) queues(ctx context.Context, host int, names []string) error {
	found, err := in.ask(ctx, host, names, "")
	for _, q := range found {
		owner, isProcess := ownerOf(q.Channel)
		if !isProcess {
			in.report.Channels = append(in.report.Channels, q)
			continue
		}
		p := in.process(owner)
		p.Queues = append(p.Queues, q)
	}
	return err
}

// ask looks at the queues of channels, or with a suffix to their keys at what else is kept of them. Empty ones are left out.
func (in *coreInspection) ask(ctx context.Context, host int, names []string, suffix string) ([]QueueReport, error) {
	client := in.hosts[host].client
	cmds := make(rueidis.Commands, 0, 3*len(names))
	for _, name := range names {
		key := in.Prefix + name + suffix
		cmds = append(cmds, client.B().Pttl().Key(key).Build(), client.B().Zcard().Key(key).Build(),
			client.B().Zrange().Key(key).Min("0").Max("0").Withscores().Build())
	}
	answers := client.DoMulti(ctx, cmds...)
	var found []QueueReport
	for i, name := range names {
		ttl, err := answers[3*i].AsInt64()
		n, errCard := answers[3*i+1].AsInt64()
		oldest, errRange := answers[3*i+2].AsZScores()
		if in.other(errCard) {
			continue
		}
		if err := cmp.Or(err, errCard, errRange); err != nil {
			return nil, in.failed("look at the queue of "+name, host, err)
		}
		if n == 0 || len(oldest) == 0 {
			continue
		}
		q := QueueReport{Channel: name, Host: host, Messages: int(n), Oldest: timeOf(oldest[0].Score), Expires: in.expires(ttl)}
		if suffix == "" {
			q.Capacity = in.capacities.Of(name)
		}
		found = append(found, q)
	}
	return found, nil
}

// group looks at one group, and at the processes that its members belong to.
func (in *coreInspection) group(ctx context.Context, name string) error {
	if err := in.groups(ctx, shard(name, len(in.hosts)), []string{name}); err != nil {
		return err
	}
	queues := map[string]bool{}
	for _, g := range in.report.Groups {
		for _, m := range g.Channels {
			queues[nonLocal(m.Channel)] = true
		}
	}
	names, processes := slices.Sorted(maps.Keys(queues)), slices.Sorted(maps.Keys(in.processes))
	for host := range in.hosts {
		for some := range slices.Chunk(names, inspectBatch) {
			if err := in.queues(ctx, host, some); err != nil {
				return err
			}
		}
		for some := range slices.Chunk(processes, inspectBatch) {
			if err := in.living(ctx, host, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// living notes when these processes said that they live, those that do.
func (in *coreInspection) living(ctx context.Context, host int, processes []string) error {
	client := in.hosts[host].client
	cmds := make(rueidis.Commands, 0, len(processes))
	for _, p := range processes {
		cmds = append(cmds, client.B().Pttl().Key(in.Prefix+aliveInfix+p).Build())
	}
	for i, answer := range client.DoMulti(ctx, cmds...) {
		ttl, err := answer.AsInt64()
		if err != nil {
			return in.failed("look for the process "+processes[i], host, err)
		}
		if p := in.process(processes[i]); ttl >= 0 {
			p.Seen = latest(p.Seen, in.report.Time.Add(time.Duration(ttl)*time.Millisecond-aliveFor))
		}
	}
	return nil
}

// finish judges the processes, and sorts.
func (in *coreInspection) finish() {
	r := in.report
	for _, p := range in.processes {
		for i, q := range p.Queues {
			p.Queues[i].Misplaced = p.Seen.IsZero() && q.Host != shard(q.Channel, len(in.hosts))
		}
		p.judge(r.Time, in.look.DeadAfter)
		slices.SortFunc(p.Queues, compareQueues)
		r.Processes = append(r.Processes, *p)
	}
	for i := range r.Groups {
		for owner, n := range r.Groups[i].ByOwner {
			if p := in.processes[owner]; p != nil && p.State == LooksDead {
				r.Groups[i].Deaf += n
			}
		}
	}
	slices.SortFunc(r.Groups, func(a, b GroupReport) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Host, b.Host))
	})
	slices.SortFunc(r.Processes, func(a, b ProcessReport) int { return cmp.Compare(a.Process, b.Process) })
	slices.SortFunc(r.Channels, compareQueues)
	slices.SortFunc(r.Leftovers, compareQueues)
}

func compareQueues(a, b QueueReport) int {
	return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Host, b.Host))
}

// process is the process of that name, from now on known.
func (in *coreInspection) process(name string) *ProcessReport {
	p := in.processes[name]
	if p == nil {
		p = &ProcessReport{Process: name, Queues: []QueueReport{}}
		in.processes[name] = p
	}
	return p
}

// other counts a key that has the name of one of the layer's and another type, and says whether this is one.
func (in *coreInspection) other(err error) bool {
	if e, ok := rueidis.IsRedisErr(err); !ok || !strings.HasPrefix(e.Error(), "WRONGTYPE") {
		return false
	}
	in.report.OtherKeys++
	return true
}

func (in *coreInspection) failed(doing string, host int, err error) error {
	return fmt.Errorf("%s in %s: %w", doing, in.report.Hosts[host], err)
}

// expires is when a key with this PTTL ends, zero for one that doesn't.
func (in *coreInspection) expires(ttl int64) time.Time {
	if ttl < 0 {
		return time.Time{}
	}
	return in.report.Time.Add(time.Duration(ttl) * time.Millisecond)
}
