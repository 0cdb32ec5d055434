package sqlite

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
)

// settleEpoch returns the store's epoch. It makes a new one when the database isn't where it was made: then it is a
// copy, and what it holds may not be what the cursors of its clients were taken from.
func settleEpoch(ctx context.Context, path string) (string, error) {
	here, err := identity(path)
	if err != nil {
		return "", err
	}
	db, err := connect(path, "_pragma=synchronous(FULL)", "_txlock=immediate")
	if err != nil {
		return "", err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return "", fmt.Errorf("settle the epoch: %w", err)
	}
	defer tx.Rollback()

	const get = `SELECT coalesce((SELECT value FROM meta WHERE key = 'epoch'), ''),
		coalesce((SELECT value FROM meta WHERE key = 'identity'), '')`
	var epoch, there string
	if err := tx.QueryRowContext(ctx, get).Scan(&epoch, &there); err != nil {
		return "", fmt.Errorf("read the epoch: %w", err)
	}
	if epoch != "" && there == here {
		return epoch, nil
	}
	const put = `INSERT OR REPLACE INTO meta (key, value) VALUES ('epoch', ?), ('identity', ?)`
	epoch = strings.ToLower(rand.Text()[:10]) // 50 bits: two stores never meet by chance
	if _, err := tx.ExecContext(ctx, put, epoch, here); err != nil {
		return "", fmt.Errorf("settle the epoch: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return "", fmt.Errorf("settle the epoch: %w", err)
	}
	return epoch, nil
}

// forgetEpoch takes the epoch out of a copy of the database.
func forgetEpoch(ctx context.Context, path string) error {
	db, err := connect(path, "_pragma=journal_mode(DELETE)")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, `DELETE FROM meta WHERE key IN ('epoch', 'identity')`)
	return err
}
