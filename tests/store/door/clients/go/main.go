// What an analyst does with clickhouse-go over HTTP: ping, rows, bound parameters, a long answer, an error.
// Arguments: host:port, password, compression (none or lz4). Prints one JSON object.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func main() {
	found, err := ask(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(found)
}

func ask(address, password, compression string) (map[string]any, error) {
	methods := map[string]clickhouse.CompressionMethod{"none": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4}
	connection, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{address},
		Protocol:    clickhouse.HTTP,
		Auth:        clickhouse.Auth{Database: "default", Username: "analyst", Password: password},
		Compression: &clickhouse.Compression{Method: methods[compression]},
		Settings:    clickhouse.Settings{"max_execution_time": 30},
	})
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	ctx := context.Background()
	if err := connection.Ping(ctx); err != nil {
		return nil, fmt.Errorf("ping: %w", err)
	}
	var text string
	var when time.Time
	bound := clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"text": "it's سفر", "number": "7"}))
	row := connection.QueryRow(bound, "SELECT {text:String}, toDateTime64('2026-01-02 03:04:05', 3, 'UTC') + {number:UInt8}")
	if err := row.Scan(&text, &when); err != nil {
		return nil, fmt.Errorf("parameters: %w", err)
	}
	kinds, err := events(ctx, connection)
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	rows, sum, err := long(ctx, connection)
	if err != nil {
		return nil, fmt.Errorf("long answer: %w", err)
	}
	return map[string]any{
		"text": text, "when": when.UTC().Format(time.RFC3339), "events": kinds, "rows": rows, "sum": sum,
		"errors": []int32{code(ctx, connection, "SELECT nosuch"), code(ctx, connection, "DROP TABLE events"),
			code(ctx, connection, "SELECT throwIf(number = 400000) FROM numbers(500000)")},
	}, nil
}

func events(ctx context.Context, connection clickhouse.Conn) ([]any, error) {
	rows, err := connection.Query(ctx, "SELECT event, count(), toString(max(revenue)), groupUniqArray(source), any(map('k', 1)) "+
		"FROM touchpoints GROUP BY event ORDER BY event")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []any
	for rows.Next() {
		var event string
		var count uint64
		var most *string
		var sources []string
		var kept map[string]uint8
		if err := rows.Scan(&event, &count, &most, &sources, &kept); err != nil {
			return nil, err
		}
		found = append(found, []any{event, count, most, sources, kept})
	}
	return found, rows.Err()
}

func long(ctx context.Context, connection clickhouse.Conn) (int, uint64, error) {
	rows, err := connection.Query(ctx, "SELECT number, toString(number) FROM numbers(300000)")
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	count, sum := 0, uint64(0)
	for rows.Next() {
		var number uint64
		var text string
		if err := rows.Scan(&number, &text); err != nil {
			return 0, 0, err
		}
		count, sum = count+1, sum+number
	}
	return count, sum, rows.Err()
}

func code(ctx context.Context, connection clickhouse.Conn, statement string) int32 {
	rows, err := connection.Query(ctx, statement)
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
		rows.Close()
	}
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		return exception.Code
	}
	fmt.Fprintln(os.Stderr, err)
	return 0
}
