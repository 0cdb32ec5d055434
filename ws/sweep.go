package ws

import "time"

// sweep looks at every connection again and again for what is overdue, until the server closes. A timer each would cost every idle
// connection more memory than it has.
func (s *Server) sweep() {
	ticker := time.NewTicker(s.opts.tick())
	defer ticker.Stop()
	var few [256]*Conn
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
		now := s.now()
		for from, n := 0, len(few); n == len(few); from += n {
			n = s.copyTable(few[:], from)
			for _, c := range few[:n] {
				if c != nil {
					c.check(now)
				}
			}
		}
		clear(few[:])
	}
}

// copyTable copies a part of the table.
func (s *Server) copyTable(to []*Conn, from int) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return copy(to, s.table[min(from, len(s.table)):])
}

// check does what is due on a connection.
func (c *Conn) check(now int64) {
	c.mu.Lock()
	told := c.checkLocked(now)
	c.mu.Unlock()
	tell(told)
}

// checkLocked is check with mu held; the functions that it returns are to be called without it.
func (c *Conn) checkLocked(now int64) (told []func()) {
	opts := &c.server.opts
	if c.state == dead {
		return nil
	}
	if c.deadline != 0 && now >= c.deadline {
		c.die(CloseAbnormal, "closing took too long")
		return nil
	}
	if by := c.readBy.Load(); by != 0 && now >= by && c.state < finishing {
		c.fail(ClosePolicy, "message not finished in time")
		return nil
	}
	q := c.queue
	if q == nil {
		return c.checkLife(now)
	}
	c.pinged = 0 // what it doesn't read can't be answered; the write timeout counts instead
	if c.state < finishing && now-q.since >= int64(opts.WriteTimeout) {
		told = c.kick() // the kernel takes bytes before it says so: the last look counts
		if c.queue == q && now-q.since >= int64(opts.WriteTimeout) {
			c.fail(CloseTooSlow, "reads too slowly")
		}
	}
	return told
}

// checkLife pings a client that is silent, and gives up one that stays so.
func (c *Conn) checkLife(now int64) (told []func()) {
	opts := &c.server.opts
	if c.state != open || opts.PingInterval < 0 {
		return nil
	}
	if c.works.Load() {
		c.pinged = 0
		return nil
	}
	heard := c.heard.Load()
	if c.pinged != 0 && heard < c.pinged {
		if now-c.pinged >= int64(opts.PongTimeout) {
			c.die(CloseAbnormal, "no answer to a ping")
		}
		return nil
	}
	c.pinged = 0
	// 90 % to 110 % of the interval, another share for each connection and each ping.
	if now-heard < int64(opts.PingInterval)/1280*(1152+int64(c.jitter)) {
		return nil
	}
	c.jitter = c.jitter*5 + 113
	c.pinged = now
	q := c.busy()
	q.slot = AppendFrame(q.slot, pingFrame, nil)
	return c.kick()
}
