package sqlite_test
import ("testing";"os";"time";"strconv";"sync";"context";"github.com/teahouse-chat/teahouse/internal/chat";"github.com/teahouse-chat/teahouse/eventlog")
func TestZZ(t *testing.T) {
	dir := t.TempDir()
	t0 := time.Now()
	db := open(t, dir)
	t.Log("first open", time.Since(t0))
	for i := range 10000 {
		r, _ := chat.ParseRoom("room"+strconv.Itoa(i))
		_ = r
		if i % 1000 != 0 { continue }
		var es []eventlog.Entry
		for k := range 1000 { r, _ := chat.ParseRoom("room"+strconv.Itoa(i+k)); es = append(es, entry(r.Topic, 1, 100)) }
		db.Append(t.Context(), es...)
	}
	var all sync.WaitGroup
	for w := range 64 { all.Go(func(){ for i := w; i < 10000; i+=64 { r, _ := chat.ParseRoom("room"+strconv.Itoa(i)); db.PutRoom(t.Context(), r) }}) }
	all.Wait()
	t0 = time.Now()
	rs, err := db.RecentRooms(t.Context(), 50)
	t.Log("recent", len(rs), err, time.Since(t0))
	var max int64
	stop := make(chan int)
	go func() { for { select { case <-stop: return; case <-time.After(5*time.Millisecond): }; if i, err := os.Stat(dir+"/teahouse.db-wal"); err == nil && i.Size() > max { max = i.Size() } } }()
	t0 = time.Now()
	var worst [64]time.Duration
	var n [64]int
	for w := range 64 { all.Go(func(){ for k := 0; time.Since(t0) < 6*time.Second; k++ { a := time.Now(); _, err := db.Append(context.Background(), entry("room."+strconv.Itoa(w), k, 128)); if err != nil { t.Error(err) }; if d := time.Since(a); d > worst[w] { worst[w] = d }; n[w]++ } }) }
	all.Wait()
	close(stop)
	total := 0
	for _, v := range n { total += v }
	w := time.Duration(0)
	for _, v := range worst { if v > w { w = v } }
	t.Log("wal max", max>>20, "MiB; appends/s", float64(total)/time.Since(t0).Seconds(), "worst", w)
	t0 = time.Now()
	db.Close()
	t.Log("close", time.Since(t0)); t0 = time.Now()
	db = open(t, dir)
	t.Log("reopen", time.Since(t0))
	t0 = time.Now()
	db.Read(t.Context(), "room.3", 10, 256)
	t.Log("read 256", time.Since(t0))
}
