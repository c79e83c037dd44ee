package healers

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
)

func openDB(t *testing.T, path string) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func openJournal(t *testing.T, db *bbolt.DB) *Journal {
	t.Helper()
	j, err := OpenJournal(db)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func heal(at time.Time) dialtone.Heal {
	return dialtone.Heal{ID: NewID(at), Service: "nginx", Action: "restart", Started: at, Outcome: dialtone.HealRunning}
}

func TestJournalFindsWhatWasNotFinished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	db := openDB(t, path)
	j := openJournal(t, db)
	done, cut := heal(noon), heal(noon.Add(time.Minute))
	account := Account{Acts: []time.Time{noon}, InARow: 1}
	for _, h := range []dialtone.Heal{done, cut} {
		if err := j.Begin(h, account); err != nil {
			t.Fatal(err)
		}
	}
	done.Outcome = dialtone.Healed
	if err := j.End(done, account); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	j = openJournal(t, openDB(t, path))
	unfinished, err := j.Unfinished()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]dialtone.Heal{cut}, unfinished); diff != "" {
		t.Errorf("unfinished (-want +got):\n%s", diff)
	}
	heals, err := j.Heals("nginx", 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]dialtone.Heal{cut, done}, heals); diff != "" {
		t.Errorf("heals (-want +got):\n%s", diff)
	}
	got, err := j.Account("nginx")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(account, got); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
}

func TestJournalKeepsAThousandAndAWeek(t *testing.T) {
	j := openJournal(t, openDB(t, filepath.Join(t.TempDir(), "state.db")))
	put := func(h dialtone.Heal) {
		t.Helper()
		if err := errors.Join(j.Begin(h, Account{}), j.End(h, Account{})); err != nil {
			t.Fatal(err)
		}
	}
	put(heal(noon.Add(-8 * 24 * time.Hour)))
	for i := range KeepHeals + 20 {
		put(heal(noon.Add(time.Duration(i) * time.Millisecond)))
	}
	heals, err := j.Heals("nginx", 2*KeepHeals)
	if err != nil {
		t.Fatal(err)
	}
	if len(heals) < KeepHeals || len(heals) > KeepHeals+1 {
		t.Errorf("keeps %d heals, want about %d", len(heals), KeepHeals)
	}
	if oldest := heals[len(heals)-1].Started; oldest.Before(noon) {
		t.Errorf("keeps a heal of %s", oldest)
	}
}

func TestWithoutADatabaseEveryIntentIsRefused(t *testing.T) {
	j := openJournal(t, nil)
	if err := j.Begin(heal(noon), Account{}); !errors.Is(err, ErrNoJournal) {
		t.Errorf("got %v", err)
	}
	if heals, err := j.Unfinished(); err != nil || heals != nil {
		t.Errorf("got %v, %v", heals, err)
	}
}

func TestAClosedDatabaseRefusesTheIntent(t *testing.T) {
	db := openDB(t, filepath.Join(t.TempDir(), "state.db"))
	j := openJournal(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Begin(heal(noon), Account{}); err == nil {
		t.Error("an intent was accepted that is on no disk")
	}
}

func TestHealIDsSortByTime(t *testing.T) {
	last := ""
	for i := range 100 {
		id := NewID(noon.Add(time.Duration(i) * time.Millisecond))
		if id <= last {
			t.Fatalf("%s does not come after %s", id, last)
		}
		last = id
	}
}
