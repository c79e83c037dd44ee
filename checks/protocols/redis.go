package protocols

import (
	"context"
	"fmt"
	"net"
	"strings"
)

func init() {
	register(Protocol{
		Name:  "redis",
		Doc:   "The far side answers PING with PONG (RESP 2); with a password it must accept AUTH first. Without one, NOAUTH is a sign of life; LOADING, MASTERDOWN, BUSY and a server that is full fail.",
		Speak: speakRedis,
	})
}

// lifeOfRedis are refusals that only a server gives that would serve those who log in.
var lifeOfRedis = []string{"-NOAUTH", "-NOPERM", "-ERR operation not permitted"}

func speakRedis(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "Redis")
	if t.Password != "" {
		if err := logInToRedis(k); err != nil {
			return err
		}
	}
	line, err := askRedis(k, "PING")
	if err != nil {
		return err
	}
	alive := line == "+PONG"
	for _, refusal := range lifeOfRedis {
		alive = alive || t.Password == "" && strings.HasPrefix(line, refusal)
	}
	if !alive {
		return k.refused("PING", line)
	}
	_ = k.send(redisCommand("QUIT"))
	return nil
}

// logInToRedis quotes no answer but an error: what echoes would print the password.
func logInToRedis(k *talk) error {
	words := []string{"AUTH", k.t.Password.Reveal()}
	if k.t.Username != "" {
		words = []string{"AUTH", k.t.Username, k.t.Password.Reveal()}
	}
	line, err := askRedis(k, words...)
	if err != nil {
		return err
	}
	if line != "+OK" {
		line = strings.ReplaceAll(line, k.t.Password.Reveal(), k.t.Password.String())
		return tell("%s refuses the password: it answered %s", k.t, quote([]byte(line)))
	}
	return nil
}

// redisCommand writes a command as an array of strings, in which no word can end another.
func redisCommand(words ...string) string {
	var command strings.Builder
	fmt.Fprintf(&command, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&command, "$%d\r\n%s\r\n", len(word), word)
	}
	return command.String()
}

// askRedis sends a command and reads the first line of the answer: a simple string or an error.
func askRedis(k *talk, words ...string) (string, error) {
	if err := k.send(redisCommand(words...)); err != nil {
		return "", err
	}
	line, err := k.readLine()
	if err != nil {
		return "", err
	}
	switch {
	case strings.HasPrefix(line, "+"), strings.HasPrefix(line, "-"):
		return line, nil
	case words[0] == "AUTH":
		return "", tell("%s answered AUTH with something that is not Redis", k.t)
	}
	return "", k.stranger([]byte(line))
}
