//go:build linux

package e2e

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/teahouse-chat/teahouse/client"
)

// request sends JSON, or nothing, and decodes the answer's event. The status has to be a good one.
func (s *teahouse) request(method, path string, body any) client.Event {
	s.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url(path), bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	var e client.Event
	if err == nil {
		err = json.Unmarshal(answer, &e)
	}
	if err != nil || res.StatusCode/100 != 2 {
		s.t.Fatalf("%s %s: status %s; %v\n%s", method, path, res.Status, err, answer)
	}
	return e
}

// reply posts a message that answers another.
func (s *teahouse) reply(room, name, text string, to int64) client.Event {
	s.t.Helper()
	return s.request(http.MethodPost, "/room/"+url.PathEscape(room)+"/messages?name="+url.QueryEscape(name), map[string]any{"text": text, "reply": to})
}

// react adds a reaction to a message, or takes it back.
func (s *teahouse) react(room, name string, offset int64, emoji string, on bool) {
	s.t.Helper()
	method := http.MethodPut
	if !on {
		method = http.MethodDelete
	}
	s.request(method, fmt.Sprintf("/room/%s/messages/%d/reactions/%s?name=%s", url.PathEscape(room), offset, url.PathEscape(emoji), url.QueryEscape(name)), nil)
}

// age makes everything that a server has longer ago. The server has to be stopped.
func age(t *testing.T, s *teahouse, by time.Duration) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "teahouse.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE events SET time = time - ?`, by.Milliseconds()); err != nil {
		t.Fatal(err)
	}
}

// A play is what people say in a room, for pictures: at least something of all that there is.
type play struct {
	room       string
	others     []string // three rooms
	people     []string // four of them
	yesterday  []string
	list, code string
	quote      string
	question   string
	answer     string
	unread     []string
	mine       string
}

var plays = map[string]play{
	"zh": {
		room: "临河茶馆", others: []string{"厨房", "戏台", "后院"}, people: []string{"阿茶", "小李", "说书人", "Marie"},
		yesterday: []string{"今天的龙井是新到的，水用的是后山的泉水。", "给我留一壶，靠窗的位子。", "好嘞。", "戏七点开，今天唱《空城计》，诸葛亮在城楼上弹琴那一段，全城的人都来听过，还有人从河对岸划船过来。"},
		list:      "今天的单子：\n\n- **龙井**，明前的\n- 茉莉花茶\n- 桂花糕，~~绿豆糕~~ 卖完了",
		code:      "门口的温度计可以这样读：\n\n```sh\ncurl -s localhost:8000/room/临河茶馆/events?last=1 \\\n  | jq -r '.events[0].text'\n```",
		quote:     "> 茶亦醉人何必酒，书能香我不须花。\n\n墙上这副对子是谁写的？",
		question:  "明天有人一起去后山打水吗？早上六点，`茶馆门口` 见。",
		answer:    "我去！顺便看看 https://example.org/weather 说明天是晴天。",
		unread:    []string{"@阿茶 水开了", "第二壶也好了", "今天人真多，楼上都坐满了。"},
		mine:      "来了来了",
	},
	"en": {
		room: "riverside", others: []string{"kitchen", "opera", "backyard"}, people: []string{"ann", "bob", "storyteller", "小李"},
		yesterday: []string{"The Longjing came in this morning, and the water is from the spring behind the hill.", "Keep a pot for me, by the window please.", "Done.", "The play begins at seven. Tonight it is the Empty Fort, the part where Zhuge Liang plays the zither on the wall; people come from across the river to hear it."},
		list:      "On the board today:\n\n- **Longjing**, picked before the rains\n- jasmine\n- osmanthus cake, ~~mung bean cake~~ sold out",
		code:      "This reads the thermometer at the door:\n\n```sh\ncurl -s localhost:8000/room/riverside/events?last=1 \\\n  | jq -r '.events[0].text'\n```",
		quote:     "> Tea makes one drunk without wine,\n> books are fragrant without flowers.\n\nWho wrote the couplet on the wall?",
		question:  "Anybody up for fetching water tomorrow? Six in the morning, at the `front door`.",
		answer:    "I am! By https://example.org/weather it will be a fine day.",
		unread:    []string{"@ann the water is boiling", "and the second pot is ready", "So many people today, upstairs is full."},
		mine:      "Coming, coming",
	},
}

// begin plays the first part: a server with a lively room, part of it of yesterday. What is unread comes later.
func (y play) begin(t *testing.T) *teahouse {
	t.Helper()
	s := start(t, "--limits", "off")
	for i, text := range y.yesterday {
		s.post(y.room, y.people[i%3], text)
	}
	s.stop(20 * time.Second)
	age(t, s, 24*time.Hour)
	s.start()
	list := s.post(y.room, y.people[1], y.list)
	s.post(y.room, y.people[1], y.code)
	quote := s.post(y.room, y.people[2], y.quote)
	s.reply(y.room, y.people[3], y.answer, s.post(y.room, y.people[1], y.question).Offset)
	for i, emoji := range []string{"👍", "🍵", "😂"} {
		for _, name := range y.people[i+1:] {
			s.react(y.room, name, list.Offset, emoji, true)
		}
	}
	s.react(y.room, y.people[0], quote.Offset, "❤️", true)
	return s
}
