// client-go's work queue under the load of hack/benchmarks/queue.py; prints CPU seconds as JSON.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"syscall"

	"k8s.io/client-go/util/workqueue"
)

func main() {
	keys := flag.Int("keys", 5000, "different keys")
	rounds := flag.Int("rounds", 20, "how often each is added")
	flag.Parse()

	names := make([]string, *keys)
	for i := range names {
		names[i] = fmt.Sprintf("namespace/model-%05d", i)
	}
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	before := cpu()
	handled := 0
	for range *rounds {
		// Each key twice, as a burst of events does: the second is merged into the first.
		for range 2 {
			for _, name := range names {
				queue.Add(name)
			}
		}
		for queue.Len() > 0 {
			key, _ := queue.Get()
			queue.Forget(key)
			queue.Done(key)
			handled++
		}
	}
	spent := cpu() - before
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"cpu": spent, "handled": handled}); err != nil {
		panic(err)
	}
}

func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}
