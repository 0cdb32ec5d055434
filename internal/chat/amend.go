package chat

import (
	"errors"
	"slices"

	"github.com/teahouse-chat/teahouse/eventlog"
)

// Limits of the reactions to one message.
const (
	maxEmoji     = 20 // different ones
	maxOwn       = 8  // of one author
	maxReactions = 500
)

// entry is the log's entry for a post. What a post does to an earlier message is done within its commit.
func (p *Post) entry() eventlog.Entry {
	c := p.content()
	e := eventlog.Entry{Topic: p.Room.Topic, Type: p.Type, Author: p.Author.ID, ID: p.ID, Data: c.data()}
	switch p.Type {
	case "", TypePosted:
		e.Type = TypePosted
		if p.Reply > 0 {
			e.Amend = func(tx eventlog.Amending) error { _, _, err := message(tx, p.Reply); return err }
		}
	case TypeEdited:
		e.Amend = func(tx eventlog.Amending) error { return edit(tx, p, c) }
	case TypeDeleted:
		e.Amend = func(tx eventlog.Amending) error { return remove(tx, p) }
	case TypeReacted:
		e.Amend = func(tx eventlog.Amending) error { return react(tx, p) }
	}
	return e
}

// message returns a message that a post is about. Errors: ErrNoMessage, ErrDeleted; eventlog.ErrUnavailable.
func message(tx eventlog.Amending, at eventlog.Offset) (e eventlog.Event, c content, err error) {
	e, err = tx.Event(at)
	switch {
	case errors.Is(err, eventlog.ErrNoEvent), errors.Is(err, eventlog.ErrTrimmed):
		return e, c, ErrNoMessage
	case err != nil:
		return e, c, err
	}
	c, ok := contentOf(&e)
	switch {
	case e.Type != TypePosted || !ok:
		return e, c, ErrNoMessage
	case c.Deleted:
		return e, c, ErrDeleted
	}
	return e, c, nil
}

// own is message for those who may change theirs only. Errors: also ErrNotYours.
func own(tx eventlog.Amending, p *Post) (content, error) {
	e, c, err := message(tx, p.Target)
	if (err == nil || errors.Is(err, ErrDeleted)) && e.Author != p.Author.ID {
		err = ErrNotYours
	}
	return c, err
}

// edit gives a message another text. No text stays that it had before.
func edit(tx eventlog.Amending, p *Post, to content) error {
	c, err := own(tx, p)
	if err != nil {
		return err
	}
	if err := supersede(tx, c.Edit); err != nil {
		return err
	}
	c.blank()
	self := tx.Self()
	c.Text, c.Body, c.Edit, c.Edited = to.Text, to.Body, self.Offset, self.Time.UnixMilli()
	tx.Replace(p.Target, c.data())
	return nil
}

// remove deletes a message: its offset, author and time stay, and by what a retry is known.
func remove(tx eventlog.Amending, p *Post) error {
	c, err := own(tx, p)
	if err != nil {
		return err
	}
	if err := supersede(tx, c.Edit); err != nil {
		return err
	}
	gone := content{Deleted: true, Name: c.Name, Hue: c.Hue, First: c.asked()}
	tx.Replace(p.Target, gone.data())
	return nil
}

// supersede takes the text out of the edit that a message's text is from, if it was edited.
func supersede(tx eventlog.Amending, at eventlog.Offset) error {
	if at == 0 {
		return nil
	}
	e, err := tx.Event(at)
	if err != nil {
		return err
	}
	c, ok := contentOf(&e)
	if !ok {
		return ErrNoMessage
	}
	c.blank()
	tx.Replace(at, c.data())
	return nil
}

// react makes a reaction or takes it back; one that is as it is asked for already stays.
func react(tx eventlog.Amending, p *Post) error {
	_, c, err := message(tx, p.Target)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(c.Reactions, func(r reaction) bool { return r.Emoji == p.Emoji })
	if on := at >= 0 && slices.Contains(c.Reactions[at].Authors, p.Author.ID); on == p.On {
		return nil
	}
	switch {
	case !p.On:
		r := &c.Reactions[at]
		r.Authors = slices.DeleteFunc(r.Authors, func(id string) bool { return id == p.Author.ID })
		if len(r.Authors) == 0 {
			c.Reactions = slices.Delete(c.Reactions, at, at+1)
		}
	case at < 0 && len(c.Reactions) >= maxEmoji, c.reacted() >= maxReactions, c.reactedBy(p.Author.ID) >= maxOwn:
		return ErrReactions
	case at < 0:
		c.Reactions = append(c.Reactions, reaction{Emoji: p.Emoji, Authors: []string{p.Author.ID}})
	default:
		c.Reactions[at].Authors = append(c.Reactions[at].Authors, p.Author.ID)
	}
	tx.Replace(p.Target, c.data())
	return nil
}

// reacted is how many reactions there are.
func (c *content) reacted() (n int) {
	for _, r := range c.Reactions {
		n += len(r.Authors)
	}
	return n
}

// reactedBy is how many of them are an author's.
func (c *content) reactedBy(id string) (n int) {
	for _, r := range c.Reactions {
		if slices.Contains(r.Authors, id) {
			n++
		}
	}
	return n
}
